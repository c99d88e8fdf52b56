import Glibc

/// The type of a file: a socket or anything else.
enum FileType {
    case socket
    case other

    /// Examines the file at a path, and follows symbolic links; returns nil if the file cannot be
    /// examined. stat(2)
    init?(ofPath path: [UInt8]) {
        var status = stat()
        let text = path.map { CChar(bitPattern: $0) } + [0]
        guard stat(text, &status) == 0 else { return nil }
        self = status.st_mode & S_IFMT == S_IFSOCK ? .socket : .other
    }
}
