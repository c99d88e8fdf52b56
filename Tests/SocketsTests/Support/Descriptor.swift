import Glibc

@testable import Sockets

/// A descriptor from a system call of a test, closed at the end of the test.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { _ = Glibc.close(number) }

    /// A Boolean value that indicates whether started programs do not inherit the descriptor.
    var isCloseOnExec: Bool { fcntl(number, F_GETFD) & FD_CLOEXEC != 0 }

    /// A Boolean value that indicates whether calls on the descriptor wait.
    var isBlocking: Bool { fcntl(number, F_GETFL) & O_NONBLOCK == 0 }
}

/// Returns the inode of an open descriptor; `nil` if the descriptor is closed.
///
/// Another test may reuse the number of a closed descriptor at once. It cannot reuse the inode of a
/// socket, so the inode shows whether a number still belongs to the same socket.
func inode(of descriptor: Int32) -> UInt? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? UInt(status.st_ino) : nil
}

/// Sockets from `System`, for tests of that folder.
enum RawSockets {
    static let loopback: UInt32 = 0x7F00_0001

    static func make(_ family: AddressFamily, _ type: SocketType) throws -> Descriptor {
        Descriptor(try System.socket(family, type))
    }

    static func pair(_ type: SocketType = .stream) throws -> (Descriptor, Descriptor) {
        let (one, other) = try System.socketpair(type)
        return (Descriptor(one), Descriptor(other))
    }

    /// Returns a TCP socket that listens on a free port of the loopback interface.
    static func listener(
        backlog: Int32 = 16
    ) throws -> (socket: Descriptor, address: RawSocketAddress) {
        let socket = try bound(.stream)
        try System.listen(socket.number, backlog)
        return (socket, try System.getsockname(socket.number))
    }

    /// Returns an IPv4 socket on a free port of the loopback interface.
    static func bound(_ type: SocketType) throws -> Descriptor {
        let socket = try make(.ipv4, type)
        try System.bind(socket.number, RawSocketAddress(.ipv4(bits: loopback, port: 0)))
        return socket
    }

    /// Returns the address of a loopback port without a listener, reserved while the socket lives.
    static func refusingAddress() throws -> (socket: Descriptor, address: RawSocketAddress) {
        let socket = try bound(.stream)
        return (socket, try System.getsockname(socket.number))
    }

    /// Returns both ends of a TCP connection over the loopback interface.
    static func connection() throws -> (client: Descriptor, server: Descriptor) {
        let (listener, address) = try listener()
        let client = try make(.ipv4, .stream)
        try System.connect(client.number, address)
        return (client, Descriptor(try System.accept(listener.number).descriptor))
    }
}

extension RawSockets {
    /// Sends without waiting until the kernel accepts no more bytes, and throws the error of the
    /// last call.
    static func fill(_ socket: Descriptor) throws {
        let block = String(repeating: "x", count: 65536)
        for _ in 0..<10_000 { _ = try System.send(socket.number, block, .dontWait) }
    }
}

extension System {
    static func send(
        _ descriptor: Int32, _ text: String, _ flags: TransferFlags = []
    ) throws(Errno) -> Int {
        let bytes = Array(text.utf8)
        do {
            return try bytes.withUnsafeBytes { try System.send(descriptor, $0, flags) }
        } catch {
            throw error as? Errno ?? Errno(rawValue: 0)
        }
    }

    static func recv(
        _ descriptor: Int32, atMost count: Int, _ flags: TransferFlags = []
    ) throws -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = try bytes.withUnsafeMutableBytes {
            try System.recv(descriptor, $0, flags)
        }
        return String(decoding: bytes[..<received], as: UTF8.self)
    }
}
