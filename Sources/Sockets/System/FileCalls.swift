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

/// The version of a file's contents.
///
/// A changed or replaced file has a different version.
struct FileVersion: Equatable {
    private var numbers: [Int]

    fileprivate init(_ status: stat) {
        numbers = [
            Int(status.st_dev), Int(bitPattern: UInt(status.st_ino)), Int(status.st_size),
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
            status.st_ctim.tv_nsec,
        ]
    }
}

extension System {
    /// Returns the version of a file's contents, following symbolic links: fstatat(2).
    static func fstatat(_ path: [UInt8]) throws(Errno) -> FileVersion {
        var status = stat()
        _ = try systemCall(.fstatat) {
            withCString(path) { Glibc.fstatat(AT_FDCWD, $0, &status, 0) }
        }
        return FileVersion(status)
    }

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

    /// Returns the contents of a file: open(2), read(2).
    static func contents(ofFile path: String) throws(Errno) -> [UInt8] {
        let descriptor = try systemCall(.open) { Glibc.open(path, O_RDONLY | O_CLOEXEC) }
        defer { _ = Glibc.close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = try systemCall(.read) { Glibc.read(descriptor, &block, block.count) }
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
    }

    /// Appends text to a file, which is created readable only for its owner: open(2), write(2).
    ///
    /// One call writes the whole text, so lines of several threads and processes do not mix.
    static func append(_ text: String, toFile path: String) throws(Errno) {
        let descriptor = try systemCall(.open) {
            Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        }
        defer { _ = Glibc.close(descriptor) }
        let bytes = Array(text.utf8)
        _ = try systemCall(.write) { Glibc.write(descriptor, bytes, bytes.count) }
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
