import Foundation
import Sockets
import Testing

/// A server inside the test, on loopback and a port of its own, with a thread for its one caller.
final class Peer: Sendable {
    let port: String
    private let listener: Socket

    /// Accepts one caller and runs `body` with him.
    init(_ body: @escaping @Sendable (Socket) throws -> Void) throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        self.listener = listener
        port = "\(listener.localAddress.port ?? 0)"
        let thread = Thread {
            guard let caller = try? listener.accept(timeout: .seconds(20)) else { return }
            try? body(caller)
        }
        thread.start()
    }

    /// A port of this machine on which nobody listens, as long as the socket lives.
    static func silentPort(_ kind: SocketType = .stream) throws -> (socket: Socket, port: String) {
        let socket = try Socket(.ipv4, kind)
        try socket.bind(on: .ipv4(.loopback, port: 0))
        return (socket, "\(socket.localAddress.port ?? 0)")
    }
}

/// Waits until nobody listens on a port of this machine any more.
///
/// A program that another test starts holds our descriptors for a moment, between fork and exec.
func waitForRefusal(of port: Sockets.Port) throws {
    let end = ContinuousClock.now.advanced(by: .seconds(10))
    while ContinuousClock.now < end {
        do throws(SocketError) {
            _ = try Socket(to: .tcp("127.0.0.1", port: port))
        } catch {
            if error.errno == .connectionRefused { return }
        }
    }
    Issue.record("somebody still listens on port \(port)")
}

extension Socket {
    /// Everything until the peer's end.
    func receiveToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while try receive(appendingTo: &all, timeout: .seconds(20)) > 0 {}
        return all
    }
}
