import Foundation
import Sockets
import Testing

/// How long the peers of an example wait for it.
let patience: TimeLimit = .seconds(30)

extension Socket {
    /// A TCP server on a loopback port of the kernel's choice.
    static func loopbackServer() throws -> Socket {
        try Socket(on: .tcp("127.0.0.1", port: 0))
    }

    /// The port of a TCP server that treats its one caller as `body` says, on a thread of its own.
    ///
    /// What goes wrong there shows in what the caller gets.
    static func portOfServer(_ body: @escaping @Sendable (Socket) throws -> Void) throws
        -> Sockets.Port
    {
        let server = try loopbackServer()
        Thread.detachNewThread {
            if let caller = try? server.accept(timeout: patience) { try? body(caller) }
        }
        return Port(try server.port)
    }

    /// A TCP port that is taken, and where nobody listens.
    static func deafPort() throws -> (Socket, UInt16) {
        let socket = try Socket(.ipv4)
        try socket.bind(on: .ipv4(.loopback, port: 0))
        return (socket, try socket.port)
    }

    /// The port that the kernel has chosen.
    var port: UInt16 {
        get throws { try #require(localAddress.port) }
    }

    /// Everything up to the end of the stream, as text.
    func receiveToEnd() throws -> String {
        var bytes: [UInt8] = []
        while try receive(appendingTo: &bytes, timeout: patience) > 0 {}
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Program {
    /// Reads the line in which a server says where it listens, and returns the port.
    func port(after words: String) throws -> UInt16 {
        let line = try line()
        try #require(line.hasPrefix(words + " "), "\(name) printed: \(line)")
        let address = SocketAddress(String(line.dropFirst(words.count + 1)))
        return try #require(address?.port, "\(name) printed: \(line)")
    }
}
