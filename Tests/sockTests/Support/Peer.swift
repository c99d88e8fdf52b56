import Foundation
import Sockets
import Testing

/// A server in the test, on loopback, with a thread for its only client.
final class Peer: Sendable {
    let port: String
    private let listener: Socket

    /// Accepts one client and passes it to `body`.
    init(_ body: @escaping @Sendable (Socket) throws -> Void) throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        self.listener = listener
        port = "\(listener.localAddress.port ?? 0)"
        let thread = Thread {
            guard let client = try? listener.accept(timeout: .seconds(20)) else { return }
            try? body(client)
        }
        thread.start()
    }

    /// Returns a socket and its port, on which no program listens while the socket is open.
    static func boundPort(_ kind: SocketType = .stream) throws -> (socket: Socket, port: String) {
        let socket = try Socket(.ipv4, kind)
        try socket.bind(on: .ipv4(.loopback, port: 0))
        return (socket, "\(socket.localAddress.port ?? 0)")
    }
}

/// Waits until connecting to a port of this machine is refused.
///
/// A program that another test starts holds our descriptors between fork and exec.
func waitForRefusal(of port: Sockets.Port) throws {
    let end = ContinuousClock.now.advanced(by: .seconds(10))
    while ContinuousClock.now < end {
        do throws(SocketError) {
            _ = try Socket(to: .tcp("127.0.0.1", port: port))
        } catch {
            if error.errno == .connectionRefused { return }
        }
    }
    Issue.record("port \(port) still accepts connections")
}

extension Socket {
    /// Receives until the end of the stream.
    func receiveToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while try receive(appendingTo: &all, timeout: .seconds(20)) > 0 {}
        return all
    }
}
