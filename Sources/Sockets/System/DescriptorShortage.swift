internal import Glibc
internal import SystemPackage

extension System {
    /// Returns `EMFILE` or `ENFILE` if a failed libc lookup lacked a descriptor, or if none is left
    /// now.
    ///
    /// libc skips a file or a name server for which it has no descriptor, and then reports that the
    /// name does not exist. `errno` may contain the reason, but a later step of the lookup may have
    /// overwritten it. So the function also tries to open a file.
    ///
    /// - Parameter code: The value of `errno` after the lookup. The caller set it to 0 before the
    ///   lookup.
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
