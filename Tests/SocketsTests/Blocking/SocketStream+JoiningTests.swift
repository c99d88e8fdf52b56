import SystemPackage
import Testing

@testable import Sockets

/// What only the blocking half of `join` does; `JoiningTests` covers both halves.
@Suite("SocketStream: join", .ownThread)
struct SocketStreamJoiningTests {
    @Test("join first forwards the bytes in both buffers, and loses none at the idle limit")
    func buffers() throws {
        let (client, front) = try Loopback.tcpPair()
        let (back, server) = try Loopback.tcpPair()
        let (stream, other) = (SocketStream(front), SocketStream(back))
        try client.sendAll("CONNECT\nrest")
        #expect(try stream.readLine() == "CONNECT")
        try stream.write("200 OK\n")
        try other.write("hello ")
        let error = #expect(throws: SocketError.self) {
            try stream.join(other, idleTimeout: .milliseconds(50))
        }
        #expect(error?.isTimeout == true)
        // The bytes of the program's own writes do not count.
        #expect(error?.bytesTransferred == 4)
        #expect(error?.bytesReturned == 0)
        #expect(try client.readAll(7) == Array("200 OK\n".utf8))
        #expect(try server.readAll(10) == Array("hello rest".utf8))
    }

    @Test("a join that ends early loses no bytes, not even those in the pipe")
    func keepsBytes() throws {
        let (client, front) = try Loopback.tcpPair()
        let (back, server) = try Loopback.tcpPair()
        let passes = Array(repeating: FaultInjection.Fault.pass, count: 100)
        let faults = FaultInjection([.read: passes])
        let joining = Background {
            let stream = SocketStream(front)
            var forwarded = 0
            do {
                try FaultInjection.$current.withValue(faults) {
                    _ = try stream.join(SocketStream(back), idleTimeout: .milliseconds(300))
                }
            } catch let error as SocketError {
                forwarded = error.bytesTransferred
            }
            let rest = try stream.readToEnd(limit: 64 << 20, timeout: .seconds(10)).count
            return (forwarded, rest)
        }
        let sent = try Loopback.fill(client)
        try client.shutdown(.write)
        let (forwarded, rest) = try joining.value()
        #expect(faults.remaining(of: .read) < 100)
        #expect(try server.readAll(forwarded).count == forwarded)
        #expect(forwarded + rest == sent)
    }

    @Test("a join ends when another thread closes one of the sockets", arguments: [true, false])
    func closing(closesFront: Bool) throws {
        for isBusy in [false, true] {
            let (client, front) = try Loopback.tcpPair()
            let (back, server) = try Loopback.tcpPair()
            let joining = Background {
                _ = try SocketStream(front).join(SocketStream(back))
            }
            try client.sendAll("x")
            #expect(try server.readAll(1) == Array("x".utf8))
            if isBusy { _ = try Loopback.fill(client) }
            (closesFront ? front : back).close()
            let error = #expect(throws: SocketError.self) { try joining.value() }
            #expect(error?.cause == .closed)
        }
    }

    @Test("a join notices a close on another thread even if no descriptor is left for the event")
    func closingWithoutEvent() throws {
        let (client, front) = try Loopback.tcpPair()
        let (back, server) = try Loopback.tcpPair()
        let shortage = Array(repeating: FaultInjection.Fault.error(.tooManyOpenFiles), count: 1000)
        let joining = Background {
            try FaultInjection.$current.withValue(FaultInjection([.eventfd: shortage])) {
                _ = try SocketStream(front).join(SocketStream(back))
            }
        }
        // While the server does not read, the join waits only for `back`.
        _ = try Loopback.fill(client)
        front.close()
        let error = #expect(throws: SocketError.self) { try joining.value() }
        #expect(error?.cause == .closed)
        server.close()
    }

    @Test("during a join, other threads can use the sockets, which are blocking again afterwards")
    func blockingMode() throws {
        let (client, front) = try Loopback.tcpPair()
        let (back, server) = try Loopback.tcpPair()
        let joining = Background { try SocketStream(front).join(SocketStream(back)) }
        try client.sendAll("x")
        #expect(try server.readAll(1) == Array("x".utf8))
        #expect(try !System.isBlocking(front.descriptor))
        // A call on another thread waits although the descriptor is nonblocking.
        let error = #expect(throws: SocketError.self) {
            try front.peek(timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        try client.shutdown(.write)
        try server.shutdown(.write)
        #expect(try joining.value() == (1, 0))
        #expect(try System.isBlocking(front.descriptor))
        #expect(try System.isBlocking(back.descriptor))
    }

    @Test("join copies the bytes of a duplicated socket and keeps its blocking mode")
    func sharedSocket() throws {
        let (client, front) = try Loopback.tcpPair()
        let (back, server) = try Loopback.tcpPair()
        let copy = try front.duplicate()
        let joining = Background { try SocketStream(front).join(SocketStream(back)) }
        let bytes = pattern(2 << 20)
        let sending = Background {
            try client.sendAll(bytes)
            try client.shutdown(.write)
        }
        #expect(try server.readAll(1 << 20) == Array(bytes[..<(1 << 20)]))
        #expect(try System.isBlocking(copy.descriptor))
        try server.shutdown(.write)
        #expect(server.drain().bytes == Array(bytes[(1 << 20)...]))
        try sending.value()
        #expect(try joining.value() == (bytes.count, 0))
    }

    @Test("join rejects the socket itself, sockets that are not streams, and an incomplete write")
    func rejects() throws {
        let (_, front) = try Loopback.tcpPair()
        let stream = SocketStream(front)
        let same = #expect(throws: SocketError.self) { try stream.join(SocketStream(front)) }
        #expect(same?.cause == .invalidInput("a socket cannot be joined to itself"))
        let datagrams = SocketStream(try Loopback.udp())
        let other = #expect(throws: SocketError.self) { try stream.join(datagrams) }
        #expect(other?.operation == .join)
        #expect(
            other?.cause
                == .invalidInput("the socket's type is datagram: expected a stream socket"))
        let packets = SocketStream(try Socket.pair(.sequencedPacket).0)
        let third = #expect(throws: SocketError.self) { try packets.join(stream) }
        #expect(
            third?.cause
                == .invalidInput("the socket's type is sequencedPacket: expected a stream socket"))
        stream.isIncomplete = true
        let (back, _) = try Loopback.tcpPair()
        let incomplete = #expect(throws: SocketError.self) {
            try stream.join(SocketStream(back))
        }
        #expect(incomplete?.cause == .incompleteWrite)
    }

    @Test("join rejects unconnected and listening sockets, and resets no connection")
    func rejectsUnconnected() throws {
        let (client, front) = try Loopback.tcpPair()
        let stream = SocketStream(front)
        for isFirst in [true, false] {
            func error(with socket: Socket) -> SocketError? {
                let other = SocketStream(socket)
                return #expect(throws: SocketError.self) {
                    try isFirst ? other.join(stream) : stream.join(other)
                }
            }
            let unconnected = error(with: try Socket(.ipv4, .stream))
            #expect(unconnected?.operation == .join)
            #expect(unconnected?.errno == .socketNotConnected)
            let listening = error(with: try Socket(on: Loopback.ipv4))
            #expect(listening?.cause == .invalidInput("a listening socket has no connection"))
        }
        try front.sendAll("x")
        #expect(try client.readAll(1) == Array("x".utf8))
    }

    @Test("a connection that a join has reset throws connectionAbort")
    func resetByJoin() throws {
        let (client, front) = try Loopback.tcpPair()
        let (back, server) = try Loopback.tcpPair()
        client.abort()
        let error = #expect(throws: SocketError.self) {
            try SocketStream(front).join(SocketStream(back))
        }
        #expect(error?.errno == .connectionReset)
        let read = #expect(throws: SocketError.self) { try back.receive() }
        #expect(read?.errno == .connectionAbort)
        #expect(server.drain().error == .connectionReset)
    }

    @Test("a join between TLS and TCP forwards bytes and half-closes both ways", .needsOpenSSL)
    func tls() throws {
        let (client, front) = try Loopback.tcpPair()
        let (back, server) = try Loopback.tcpPair()
        let (clientTLS, serverTLS) = (try TLSPeers.client(), try TLSPeers.server())
        let joining = Background {
            try front.startTLS(serverTLS)
            return try SocketStream(front).join(SocketStream(back))
        }
        try client.startTLS(clientTLS)
        let bytes = pattern(3 << 20)
        let sending = Background {
            try client.sendAll(bytes)
            try client.shutdown(.write)
        }
        let answering = Background {
            let request = server.drain().bytes
            try server.sendAll(request)
            try server.shutdown(.write)
            return request == bytes
        }
        #expect(client.drain().bytes == bytes)
        try sending.value()
        #expect(try answering.value())
        #expect(try joining.value() == (bytes.count, bytes.count))
    }
}
