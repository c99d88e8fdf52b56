import Testing

@testable import Sockets

@Suite("withSocket", .ownThread)
struct SocketScopeTests {
    struct Oops: Error {}

    @Test("the peer receives every byte and EOF, and both sockets are closed")
    func streams() throws {
        let sockets = try withSocket(on: Loopback.ipv4) { server in
            let client = try withSocket(to: server.localAddress) { client in
                try client.sendAll("hello")
                return client
            }
            #expect(client.isClosed)
            let accepted = try server.accept(timeout: .seconds(20))
            #expect(try accepted.readAll(5) == Array("hello".utf8))
            #expect(try accepted.receive(timeout: .seconds(20)).isEmpty)
            return [client, server]
        }
        #expect(sockets.allSatisfy { $0.isClosed })
    }

    @Test("the endpoint determines the socket's type")
    func endpoints() throws {
        try withSocket(on: .udp("127.0.0.1", port: 0)) { server in
            let port = Port(server.localAddress.port ?? 0)
            try withSocket(to: .udp("127.0.0.1", port: port)) { client in
                #expect(client.type == .datagram)
                try client.send("x")
            }
            #expect(try server.receiveFrom(timeout: .seconds(20)).text == "x")
        }
    }

    @Test("the type of the socket can be given with an address")
    func types() throws {
        try withSocket(on: Loopback.ipv4, type: .datagram) { server in
            try withSocket(to: server.localAddress, type: .datagram) { _ = try $0.send("x") }
            #expect(try server.receive(timeout: .seconds(20)) == [0x78])
        }
    }

    @Test("the closure's error is thrown, and the socket is closed")
    func failure() throws {
        let listener = try Socket(on: Loopback.ipv4)
        #expect(throws: Oops.self) {
            try withSocket(to: listener.localAddress) { _ in throw Oops() }
        }
        let accepted = try listener.accept(timeout: .seconds(20))
        #expect(try accepted.receive(timeout: .seconds(20)).isEmpty)
    }

    @Test("a failed connect throws its error and does not call the closure")
    func refused() throws {
        let (holder, address) = try Loopback.refusingPort()
        let error = #expect(throws: SocketError.self) {
            try withSocket(to: address) { _ in Issue.record("the closure was called") }
        }
        #expect(error?.errno == .connectionRefused)
        withExtendedLifetime(holder) {}
    }

    @Test("withTimeLimit around a scope limits the connect and the closure together")
    func timeLimit() throws {
        let listener = try Socket(on: Loopback.ipv4)
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(.milliseconds(50)) {
                try withSocket(to: listener.localAddress) { try $0.receive() }
            }
        }
        #expect(error?.hint == "withTimeLimit(50 ms) ended the operation.")
        let accepted = try listener.accept(timeout: .seconds(20))
        #expect(try accepted.receive(timeout: .seconds(20)).isEmpty)
    }

    @Test("no outcome leaks a descriptor")
    func descriptors() async {
        // Other tests open descriptors too, so this test needs a process of its own.
        await #expect(processExitsWith: .success) {
            let listener = try Socket(on: Loopback.ipv4)
            await startLoops()
            let before = openDescriptors()
            for round in 0..<60 {
                try Background {
                    do {
                        try withTimeLimit(.milliseconds(round % 3 == 0 ? 1 : 20_000)) {
                            try withSocket(to: listener.localAddress) { socket in
                                switch round % 3 {
                                case 0: _ = try socket.receive()
                                case 1: throw Oops()
                                default: break
                                }
                            }
                        }
                    } catch {}
                }.value()
                while let peer = try? listener.accept(timeout: .seconds(0)) { peer.close() }
            }
            let isReleased = await eventually { openDescriptors() <= before }
            precondition(isReleased, "\(openDescriptors()) after \(before)")
        }
    }
}
