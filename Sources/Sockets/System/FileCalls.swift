internal import Glibc
internal import SystemPackage

/// The identity of the file that a path names at one moment.
///
/// Another file at the same path has another identity.
struct FileIdentity: Equatable {
    var device: UInt64
    var inode: UInt64
    var isSocket: Bool
}

extension System {
    /// Returns the identity of a file without following a symbolic link: lstat(2).
    static func lstat(_ path: [UInt8]) throws(Errno) -> FileIdentity {
        var status = stat()
        _ = try systemCall(.lstat) {
            withCString(path) { Glibc.lstat($0, &status) }
        }
        return FileIdentity(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino),
            isSocket: status.st_mode & S_IFMT == S_IFSOCK)
    }

    /// Removes a file: unlink(2).
    static func unlink(_ path: [UInt8]) throws(Errno) {
        _ = try systemCall(.unlink) { withCString(path) { Glibc.unlink($0) } }
    }

    /// Returns the path of the working directory: getcwd(3).
    ///
    /// - Throws: `ENOENT` if the directory was removed.
    static func getcwd() throws(Errno) -> [UInt8] {
        guard let path = Glibc.getcwd(nil, 0) else { throw Errno(rawValue: Glibc.errno) }
        defer { free(path) }
        return Array(UnsafeRawBufferPointer(start: path, count: strlen(path)))
    }

    private static func withCString<Result>(
        _ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result
    ) -> Result {
        (bytes + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
        }
    }
}
