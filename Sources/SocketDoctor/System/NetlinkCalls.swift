internal import Sockets
internal import CSockets
internal import Glibc
internal import SystemPackage

// Calls that read the kernel's lists of sockets through netlink; see sock_diag(7). They do not
// interpret the messages.
extension System {
    /// Opens a netlink socket with socket(2).
    ///
    /// The timeout applies to each recv(2), so the program is not blocked if the kernel does not
    /// answer.
    static func diagnosisSocket(timeoutMicroseconds: UInt64) throws(Errno) -> Int32 {
        let type = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = try systemCall(.socket) {
            Glibc.socket(csockets_netlink, type, csockets_netlink_diagnosis)
        }
        do throws(Errno) {
            try setTimeout(descriptor, .receive, microseconds: timeoutMicroseconds)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Sends a whole request with send(2).
    static func send(_ descriptor: Int32, request: [UInt8]) throws(Errno) {
        _ = try systemCall(.send) {
            request.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    /// Receives one datagram with recv(2), and truncates it if the buffer is too small.
    ///
    /// A result of 0 means that the datagram is empty.
    static func recv(_ descriptor: Int32, into buffer: inout [UInt8]) throws(Errno) -> Int {
        try systemCall(.recv) {
            buffer.withUnsafeMutableBytes { Glibc.recv(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }
}
