import Glibc

/// The type of a file, as far as a user of sockets must know it.
enum FileType {
    case socket
    case other

    /// Creates the type of the file at a path, after its symbolic links; nil if none can be examined.
    /// stat(2)
    init?(ofPath path: [UInt8]) {
        var status = stat()
        let text = path.map { CChar(bitPattern: $0) } + [0]
        guard stat(text, &status) == 0 else { return nil }
        self = status.st_mode & S_IFMT == S_IFSOCK ? .socket : .other
    }
}
