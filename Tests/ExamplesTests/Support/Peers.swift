import Foundation
import Sockets
import Testing

/// The time limit of each wait for an example program.
let testTimeout: TimeLimit = .seconds(30)

extension Socket {
    /// Returns a TCP server on a loopback port that the kernel chooses.
    static func loopbackServer() throws -> Socket {
        try Socket(on: .tcp("127.0.0.1", port: 0))
    }

    /// Starts a TCP server that calls `body` with its only client, and returns the server's port.
    ///
    /// `body` runs on its own thread. If it throws, the client sees the end of the stream.
    static func portOfServer(_ body: @escaping @Sendable (Socket) throws -> Void) throws
        -> Sockets.Port
    {
        let server = try loopbackServer()
        Thread.detachNewThread {
            if let client = try? server.accept(timeout: testTimeout) { try? body(client) }
        }
        return Port(try server.port)
    }

    /// Returns a bound socket that does not listen, and its port.
    static func unservedPort() throws -> (Socket, UInt16) {
        let socket = try Socket(.ipv4)
        try socket.bind(on: .ipv4(.loopback, port: 0))
        return (socket, try socket.port)
    }

    /// The port that the kernel chose.
    var port: UInt16 {
        get throws { try #require(localAddress.port) }
    }

    /// Returns everything up to the end of the stream as text.
    func receiveToEnd() throws -> String {
        var bytes: [UInt8] = []
        while try receive(appendingTo: &bytes, timeout: testTimeout) > 0 {}
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Program {
    /// Reads the line in which a server prints its address, and returns the port.
    func port(after words: String) throws -> UInt16 {
        let line = try line()
        try #require(line.hasPrefix(words + " "), "\(name) printed: \(line)")
        let address = SocketAddress(String(line.dropFirst(words.count + 1)))
        return try #require(address?.port, "\(name) printed: \(line)")
    }
}
