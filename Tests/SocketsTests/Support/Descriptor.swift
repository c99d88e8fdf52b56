import Glibc

@testable import Sockets

/// A descriptor that a test made by a system call, closed when the test is over.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { _ = Glibc.close(number) }

    /// Whether a program that is started now would not inherit it.
    var isCloseOnExec: Bool { fcntl(number, F_GETFD) & FD_CLOEXEC != 0 }

    /// Whether calls on it wait.
    var isBlocking: Bool { fcntl(number, F_GETFL) & O_NONBLOCK == 0 }
}

/// Sockets straight from the lowest floor, for tests of that floor.
enum RawSockets {
    static let loopback: UInt32 = 0x7F00_0001

    static func make(_ domain: SocketDomain, _ type: RawSocketType) throws -> Descriptor {
        Descriptor(try System.socket(domain, type))
    }

    static func pair(_ type: RawSocketType = .stream) throws -> (Descriptor, Descriptor) {
        let (one, other) = try System.socketpair(type)
        return (Descriptor(one), Descriptor(other))
    }

    /// A TCP socket that listens on a free port of the loopback interface.
    static func listener(
        backlog: Int32 = 16
    ) throws -> (socket: Descriptor, address: RawSocketAddress) {
        let socket = try bound(.stream)
        try System.listen(socket.number, backlog)
        return (socket, try System.getsockname(socket.number))
    }

    /// An IPv4 socket on a free port of the loopback interface.
    static func bound(_ type: RawSocketType) throws -> Descriptor {
        let socket = try make(.ipv4, type)
        try System.bind(socket.number, RawSocketAddress(.ipv4(bits: loopback, port: 0)))
        return socket
    }

    /// The address of a loopback port on which nobody listens, as long as the socket lives.
    static func deadEnd() throws -> (socket: Descriptor, address: RawSocketAddress) {
        let socket = try bound(.stream)
        return (socket, try System.getsockname(socket.number))
    }

    /// Both ends of a TCP connection over the loopback interface.
    static func connection() throws -> (client: Descriptor, server: Descriptor) {
        let (listener, address) = try listener()
        let client = try make(.ipv4, .stream)
        try System.connect(client.number, address)
        return (client, Descriptor(try System.accept(listener.number).descriptor))
    }
}

extension RawSockets {
    /// Sends without waiting until the kernel takes no more, and throws what it says then.
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
