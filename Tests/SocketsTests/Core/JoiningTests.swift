import Glibc
import SystemPackage
import Testing

@testable import Sockets

/// What a join does in both halves of the library.
@Suite("join: blocking and async", .ownThread)
struct JoiningTests {
    @Test(
        "half-closes are forwarded in either order",
        arguments: JoinedPair.Half.allCases, [true, false])
    func halfCloses(half: JoinedPair.Half, clientFirst: Bool) async throws {
        for overTCP in [true, false] {
            let pair = try JoinedPair(half, overTCP: overTCP)
            let (first, second) =
                clientFirst ? (pair.client, pair.server) : (pair.server, pair.client)
            try first.sendAll("one")
            try first.shutdown(.write)
            let request = second.drain()
            #expect(request.bytes == Array("one".utf8))
            #expect(request.error == nil)
            // The opposite direction goes on after the half-close.
            try second.sendAll("three")
            #expect(try first.readAll(5) == Array("three".utf8))
            try second.shutdown(.write)
            #expect(try first.receive(timeout: .seconds(10)).isEmpty)
            let counts = try await pair.counts()
            #expect(counts == (clientFirst ? (3, 5) : (5, 3)))
        }
    }

    @Test(
        "large streams are forwarded in both directions at once",
        arguments: JoinedPair.Half.allCases, [true, false])
    func largeStreams(half: JoinedPair.Half, overTCP: Bool) async throws {
        let pair = try JoinedPair(half, overTCP: overTCP)
        let request = pattern(16 << 20)
        let reply = Array(pattern(9_999_999).reversed())
        let (client, server) = (pair.client, pair.server)
        let sending = Background {
            try client.sendAll(request)
            try client.shutdown(.write)
        }
        let answering = Background {
            try server.sendAll(reply)
            try server.shutdown(.write)
        }
        let reading = Background { server.drain() }
        #expect(client.drain().bytes == reply)
        #expect(try await reading.result().bytes == request)
        try await sending.result()
        try await answering.result()
        #expect(try await pair.counts() == (request.count, reply.count))
    }

    /// When a peer resets its connection.
    enum Phase: CaseIterable {
        /// Before the join begins.
        case before
        /// After bytes have moved, while both directions wait.
        case idle
        /// While bytes that the other peer does not read are in the sockets and in the pipe.
        case blocked
        /// While the other peer sends.
        case receiving
    }

    private static let ends = JoinedPair.Half.allCases.flatMap { [($0, true), ($0, false)] }

    @Test(
        "a reset on one side arrives as a reset on the other", arguments: ends, Phase.allCases)
    func resets(end: (half: JoinedPair.Half, isOfClient: Bool), phase: Phase) async throws {
        var address: SocketAddress?
        let pair = try JoinedPair(end.half) { client, server in
            guard phase == .before else { return }
            let breaking = end.isOfClient ? client : server
            address = breaking.localAddress
            breaking.abort()
        }
        let (breaking, other) =
            end.isOfClient ? (pair.client, pair.server) : (pair.server, pair.client)
        address = address ?? breaking.localAddress
        var sent = 0
        var sending: Background<Void>?
        switch phase {
        case .before: break
        case .idle:
            try breaking.sendAll("x")
            #expect(try other.readAll(1) == Array("x".utf8))
            breaking.abort()
        case .blocked:
            sent = try Loopback.fill(breaking)
            breaking.abort()
        case .receiving:
            sending = Background {
                while true { try other.sendAll([UInt8](repeating: 0x61, count: 65536)) }
            }
            _ = try breaking.readAll(1 << 20)
            breaking.abort()
        }
        let (bytes, error) = other.drain()
        #expect(error == .connectionReset)
        #expect(bytes.count <= sent)
        #expect(bytes.allSatisfy { $0 == 0x61 })
        let failure = try await pair.failure()
        #expect(failure.errno == .connectionReset)
        #expect(failure.remoteAddress == address)
        if let sending {
            await #expect(throws: SocketError.self) { try await sending.result() }
        }
    }

    @Test(
        "a reset after a half-close ends the join and arrives at a peer that has all bytes",
        arguments: JoinedPair.Half.allCases, [true, false])
    func resetsAfterHalfClose(half: JoinedPair.Half, byClient: Bool) async throws {
        // An answer acknowledges the end of the stream at once. Otherwise, the system of the other
        // peer may wait before it does.
        for answer in ["x", ""] {
            let pair = try JoinedPair(half)
            let (breaking, other) =
                byClient ? (pair.client, pair.server) : (pair.server, pair.client)
            try breaking.sendAll("request")
            try breaking.shutdown(.write)
            #expect(other.drain().bytes == Array("request".utf8))
            try other.sendAll(answer)
            #expect(try breaking.readAll(answer.utf8.count) == Array(answer.utf8))
            breaking.abort()
            let descriptor = other.descriptor
            #expect(await eventually { System.condition(descriptor)?.contains(.hungUp) ?? false })
            let failure = try await pair.failure()
            #expect(failure.errno == .brokenPipe)
            #expect(failure.bytesTransferred == (byClient ? 7 : answer.utf8.count))
            #expect(failure.bytesReturned == (byClient ? answer.utf8.count : 7))
        }
    }

    @Test(
        "a reset after a half-close arrives at a peer that is sending",
        arguments: JoinedPair.Half.allCases, [true, false])
    func resetsSendingPeer(half: JoinedPair.Half, byClient: Bool) async throws {
        let pair = try JoinedPair(half)
        let (breaking, other) =
            byClient ? (pair.client, pair.server) : (pair.server, pair.client)
        try breaking.shutdown(.write)
        #expect(other.drain().error == nil)
        // The other peer goes on sending until it is reset. Otherwise it would wait, because the
        // join no longer reads from its connection.
        let sending = Background {
            while true { try other.sendAll([UInt8](repeating: 1, count: 65536)) }
        }
        _ = try breaking.readAll(1 << 20)
        breaking.abort()
        let error = await #expect(throws: SocketError.self) { try await sending.result() }
        #expect(error?.errno == .brokenPipe || error?.errno == .connectionReset)
        let failure = try await pair.failure()
        #expect(failure.errno == .brokenPipe || failure.errno == .connectionReset)
    }

    @Test(
        "a peer that closes before it has received all bytes ends the join with an error",
        arguments: JoinedPair.Half.allCases, [true, false])
    func closesEarly(half: JoinedPair.Half, overTCP: Bool) async throws {
        let pair = try JoinedPair(half, overTCP: overTCP)
        try pair.server.sendAll("answer")
        #expect(try pair.client.readAll(6) == Array("answer".utf8))
        pair.server.close()
        let client = pair.client
        let sending = Background {
            while true { try client.sendAll([UInt8](repeating: 1, count: 10_000)) }
        }
        let failure = try await pair.failure()
        #expect(failure.errno == .brokenPipe || failure.errno == .connectionReset)
        #expect(failure.bytesReturned == 6)
        client.close()
        await #expect(throws: SocketError.self) { try await sending.result() }
    }

    @Test(
        "a Unix peer that closes after its last bytes ends a join no earlier than a TCP peer",
        arguments: JoinedPair.Half.allCases, [true, false])
    func closesAfterReply(half: JoinedPair.Half, overTCP: Bool) async throws {
        let pair = try JoinedPair(half, overTCP: overTCP)
        try pair.client.sendAll("request")
        #expect(try pair.server.readAll(7) == Array("request".utf8))
        try pair.server.sendAll("reply")
        #expect(try pair.client.readAll(5) == Array("reply".utf8))
        // The client closes instead of half-closing, so the join sees the end and a hang-up at once.
        pair.client.close()
        let end = pair.server.drain()
        #expect(end.bytes.isEmpty)
        #expect(end.error == nil)
        try pair.server.shutdown(.write)
        #expect(try await pair.counts() == (7, 5))
    }

    @Test(
        "a peer that does not read stops the other peer, and receives every byte later",
        arguments: JoinedPair.Half.allCases, [true, false])
    func backPressure(half: JoinedPair.Half, overTCP: Bool) async throws {
        let pair = try JoinedPair(half, overTCP: overTCP)
        let sent = try Loopback.fill(pair.client)
        // The sockets and one pipe store a limited number of bytes.
        #expect(sent < 64 << 20)
        // The opposite direction is not stopped.
        try pair.server.sendAll("x")
        #expect(try pair.client.readAll(1) == Array("x".utf8))
        try pair.server.shutdown(.write)
        let client = pair.client
        let ending = Background {
            try client.sendAll("end")
            try client.shutdown(.write)
        }
        let received = pair.server.drain()
        #expect(received.error == nil)
        #expect(received.bytes.count == sent + 3)
        #expect(received.bytes.suffix(4) == Array("aend".utf8))
        try await ending.result()
        #expect(try await pair.counts() == (sent + 3, 1))
    }

    @Test(
        "the idle limit ends a join if both directions are silent, and the error has the counts",
        arguments: JoinedPair.Half.allCases, [true, false])
    func idleLimit(half: JoinedPair.Half, overTCP: Bool) async throws {
        let limit = Duration.milliseconds(500)
        let pair = try JoinedPair(half, overTCP: overTCP, idleTimeout: TimeLimit(limit))
        let start = ContinuousClock.now
        var last = start
        // Bytes in one direction keep both directions alive.
        var count = 0
        while start.duration(to: last) < limit * 2 {
            last = .now
            try pair.client.sendAll("x")
            #expect(try pair.server.readAll(1).count == 1)
            count += 1
        }
        let failure = try await pair.failure()
        #expect(last.duration(to: .now) >= limit)
        #expect(failure.operation == .join)
        #expect(failure.cause == .timedOut(limit: limit))
        #expect(failure.bytesTransferred == count)
        #expect(failure.bytesReturned == 0)
        // Neither connection was reset or half-closed.
        for socket in [pair.client, pair.server] {
            let error = #expect(throws: SocketError.self) {
                try socket.receive(timeout: .milliseconds(0))
            }
            #expect(error?.isTimeout == true)
        }
    }

    @Test("the error of the idle limit says how long no bytes moved and how many moved before")
    func idleText() {
        let error = SocketError(
            .join, .timedOut(limit: .seconds(5)), remoteAddress: .ipv4(.loopback, port: 80),
            bytesTransferred: 1, bytesReturned: 20)
        #expect(
            error.description
                == "cannot join the connection to 127.0.0.1:80: no bytes moved for 5 s"
                + " (1 byte was forwarded, 20 bytes were returned)")
    }

    @Test(
        "descriptors that a Unix peer passes do not hide the bytes after them",
        arguments: JoinedPair.Half.allCases)
    func passedDescriptors(half: JoinedPair.Half) async throws {
        // The bytes are there before the join begins, so only one event reports them.
        let pair = try JoinedPair(half, overTCP: false) { client, _ in
            try client.withFileDescriptor { _ = try client.send("one", descriptors: [$0]) }
            try client.sendAll("two")
        }
        #expect(try pair.server.readAll(6) == Array("onetwo".utf8))
    }

    @Test(
        "urgent data between large amounts of bytes does not stall a join",
        arguments: JoinedPair.Half.allCases)
    func urgentData(half: JoinedPair.Half) async throws {
        let pair = try JoinedPair(half)
        let (client, bytes) = (pair.client, pattern(1 << 20))
        let sending = Background {
            try client.sendAll(bytes)
            _ = Glibc.send(client.descriptor, "!", 1, Int32(MSG_OOB))
            try client.sendAll(bytes)
            try client.shutdown(.write)
        }
        #expect(pair.server.drain().bytes == bytes + bytes)
        try await sending.result()
    }
}
