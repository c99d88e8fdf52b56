internal import Sockets
internal import CSockets
internal import Glibc
internal import SystemPackage

// The kernel's own list of sockets, by netlink: sock_diag(7). What the messages say is not this
// floor's business.
extension System {
    /// socket(2) for asking about sockets.
    ///
    /// Each recv(2) is given so long: an answer is made while one asks, and a kernel that does not
    /// give any must not hold us up.
    static func diagnosisSocket(limitMicroseconds: UInt64) throws(Errno) -> Int32 {
        let type = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = try systemCall(.socket) {
            Glibc.socket(csockets_netlink, type, csockets_netlink_diagnosis)
        }
        do throws(Errno) {
            try setTimeout(descriptor, .receive, microseconds: limitMicroseconds)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// send(2) of a whole request.
    static func send(_ descriptor: Int32, request: [UInt8]) throws(Errno) {
        _ = try systemCall(.send) {
            request.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    /// recv(2) of one datagram, whose beginning goes into the buffer; 0 would be an empty one.
    static func recv(_ descriptor: Int32, into buffer: inout [UInt8]) throws(Errno) -> Int {
        try systemCall(.recv) {
            buffer.withUnsafeMutableBytes { Glibc.recv(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }
}
