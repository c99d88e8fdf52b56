internal import Glibc
internal import SystemPackage

extension System {
    /// Returns `EMFILE` or `ENFILE` if a failed lookup of libc met a shortage of descriptors, or if
    /// there is one now.
    ///
    /// libc skips a file or a name server for which it has no descriptor, and then reports that the
    /// name does not exist. The error number of the call may tell the reason, unless another step of
    /// the lookup has overwritten it. So this also tries to open a file.
    ///
    /// - Parameter code: `errno` after the lookup, which was 0 before.
    /// - Returns: The error number, or `nil` if there is no shortage.
    static func descriptorShortage(after code: Int32) -> Errno? {
        if let shortage = shortage(code) { return shortage }
        let probe = Glibc.open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard probe >= 0 else { return shortage(Glibc.errno) }
        close(probe)
        return nil
    }

    private static func shortage(_ code: Int32) -> Errno? {
        code == EMFILE || code == ENFILE ? Errno(rawValue: code) : nil
    }
}
