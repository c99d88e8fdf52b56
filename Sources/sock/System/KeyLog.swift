import Glibc
import Sockets

/// The file to which the library appends the secrets of TLS.
enum KeyLog {
    /// Creates the file if it does not exist, readable only for its owner. open(2)
    static func create(_ path: String) throws(Errno) {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        close(descriptor)
    }
}
