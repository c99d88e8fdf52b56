import Glibc
import Testing

@testable import Sockets

@Suite("Regressions of Socket found in a review", .ownThread)
struct ReviewTests {
    /// The CPU time of the calling thread.
    private static var threadCPUTime: Duration {
        // The file begins with the CPU time in nanoseconds.
        guard let file = fopen("/proc/thread-self/schedstat", "r") else { return .zero }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 64)
        guard fgets(&buffer, 64, file) != nil else { return .zero }
        return .nanoseconds(strtol(buffer, nil, 10))
    }

    @Test("a receive without a limit uses almost no CPU time while another call has a limit")
    func waitingBesideAnotherLimitDoesNotSpin() throws {
        let (one, other) = try Socket.pair()
        // The limit of this call is too short to share, so a call without a limit must use poll.
        let isInside = one.receiveTimeout.enter(limit: 10_000) { _ in true }
        #expect(isInside)
        let waiter = Background { () -> Duration in
            let before = Self.threadCPUTime
            _ = try one.receive(atMost: 1)
            return Self.threadCPUTime - before
        }
        let limit = #expect(throws: SocketError.self) {
            try other.receive(timeout: .milliseconds(400))
        }
        #expect(limit?.isTimeout == true)
        try other.send("x")
        #expect(try waiter.value() < .milliseconds(100))
        one.receiveTimeout.leave()
    }

    @Test("a receive uses almost no CPU time if another program makes the descriptor non-blocking")
    func nonBlockingModeDoesNotSpin() throws {
        let (one, other) = try Socket.pair()
        try System.setBlocking(one.descriptor, false)
        let waiter = Background { () -> Duration in
            let before = Self.threadCPUTime
            _ = try one.receive(atMost: 1)
            return Self.threadCPUTime - before
        }
        let limit = #expect(throws: SocketError.self) {
            try other.receive(timeout: .milliseconds(400))
        }
        #expect(limit?.isTimeout == true)
        try other.send("x")
        #expect(try waiter.value() < .milliseconds(100))
    }

    @Test("a client that is accepted during close leaks no descriptor")
    func acceptedTooLate() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let accepted = try System.socket(.ipv4, .stream)
        let socket = try #require(inode(of: accepted))
        let error = #expect(throws: SocketError.self) {
            _ = try listener.perform(
                .accept, .receiving, .pollOnly, Deadline(startingNow: .never)
            ) { _, _ throws(Errno) in
                listener.close()
                return OwnedDescriptor(accepted)
            }
        }
        #expect(error?.cause == .closed)
        #expect(inode(of: accepted) != socket)
    }

    @Test("connecting a connected socket throws EISCONN and keeps the connection")
    func connectingTwice() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let socket = try Socket(to: listener.localAddress)
        let server = try listener.accept(timeout: .seconds(10))
        let error = #expect(throws: SocketError.self) {
            try socket.connect(to: listener.localAddress)
        }
        #expect(error?.errno == .socketIsConnected)
        try socket.sendAll("still here")
        #expect(try server.receive(timeout: .seconds(10)) == Array("still here".utf8))
        #expect(socket.remoteAddress == listener.localAddress)
    }

    @Test("receiveFrom on a TCP stream returns all bytes in order and discards none")
    func receiveFromOnAStream() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let socket = try Socket(to: listener.localAddress)
        let server = try listener.accept(timeout: .seconds(10))
        try socket.sendAll("stream of bytes")
        #expect(try server.receiveFrom(atMost: 6, timeout: .seconds(10)).text == "stream")
        let rest = try server.receiveFrom(atMost: 100, timeout: .seconds(10))
        #expect(rest.text == " of bytes")
        #expect(!rest.isTruncated)
    }

    @Test("receive, peek and receiveFrom with a maximum of Int.max return the available bytes")
    func receivingAtMostEverything() throws {
        let (one, other) = try Socket.pair()
        try other.send("all")
        #expect(try one.peek(atMost: .max) == Array("all".utf8))
        #expect(try one.receive(atMost: .max) == Array("all".utf8))
        let (two, peer) = try Socket.pair(.datagram)
        try peer.send("datagram")
        #expect(try two.receiveFrom(atMost: .max).text == "datagram")
    }

    @Test("a datagram of more than 64 parts is rejected instead of divided")
    func datagramOfTooManyPieces() throws {
        let (one, other) = try Socket.pair(.datagram)
        let parts = [[UInt8]](repeating: [1], count: 65)
        for send in [{ try one.sendAll(parts: parts) }, { try one.send(parts: parts) }]
            as [() throws -> Void]
        {
            let error = #expect(throws: SocketError.self) { try send() }
            #expect(error?.cause == .invalidInput("a datagram can have at most 64 pieces, not 65"))
        }
        let nothing = #expect(throws: SocketError.self) { try other.receive(timeout: .seconds(0)) }
        #expect(nothing?.isTimeout == true)
    }

    @Test("sendAll with a million empty parts does not exhaust the stack")
    func manyEmptyPieces() throws {
        let (one, other) = try Socket.pair()
        let parts = [[UInt8]](repeating: [], count: 1_000_000) + [[0x61], [], [0x62]]
        let sender = Background { try one.sendAll(parts: parts) }
        #expect(try other.receive(atMost: 2, timeout: .seconds(10)) == [0x61, 0x62])
        try sender.value()
    }

    @Test("a bad pointer or descriptor in a raw option throws instead of ending the program")
    func badRawOption() throws {
        let socket = try Socket(.ipv4, .stream)
        // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
        let program: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        let filter = SocketOption<[UInt8]>.raw(level: SOL_SOCKET, name: SO_ATTACH_FILTER)
        let error = #expect(throws: SocketError.self) {
            try socket.setOption(filter, to: program)
        }
        #expect(error?.errno == .badAddress)
        let attach = SocketOption<Int32>.raw(level: SOL_SOCKET, name: SO_ATTACH_BPF)
        let other = #expect(throws: SocketError.self) { try socket.setOption(attach, to: 99_999) }
        #expect(other?.errno == .badFileDescriptor || other?.errno == .notPermitted)
    }

    @Test("a raw option is read at any capacity, and a capacity of zero or less returns no bytes")
    func rawOptionOfAnyCapacity() throws {
        let socket = try Socket(.ipv4, .stream)
        for capacity in [Int.max, Int(UInt32.max) + 1, 4] {
            let type = SocketOption<[UInt8]>.raw(
                level: SOL_SOCKET, name: SO_TYPE, capacity: capacity)
            #expect(try socket.option(type) == [1, 0, 0, 0])
        }
        for capacity in [Int.min, -1, 0] {
            let type = SocketOption<[UInt8]>.raw(
                level: SOL_SOCKET, name: SO_TYPE, capacity: capacity)
            #expect(try socket.option(type) == [])
        }
    }

    @Test("an error escapes control characters in the name of an interface")
    func interfaceNameIsEscaped() throws {
        let socket = try Socket(.ipv4, .datagram)
        let error = #expect(throws: SocketError.self) {
            try socket.setMulticastInterface("\u{1b}[31m")
        }
        #expect(error?.description.contains("\u{1b}") == false)
        let cut = #expect(throws: SocketError.self) { try socket.setMulticastInterface("lo\0x") }
        #expect(cut?.errno == .operationNotSupportedByDevice)
    }

    @Test(
        "a duration beyond the range of the clock is clamped in options and time limits",
        arguments: [
            Duration.seconds(Int64.max), .seconds(Int64.min), Duration(attoseconds: .max),
            Duration(attoseconds: .min),
        ])
    func extremeDurations(duration: Duration) throws {
        let socket = try Socket(.ipv4, .stream)
        try socket.setOption(.linger, to: duration)
        let linger = try #require(try socket.option(.linger))
        #expect(duration > .zero ? linger > .seconds(1_000_000) : linger == .zero)
        let (one, other) = try Socket.pair()
        try other.send("x")
        #expect(try one.receive(timeout: TimeLimit(duration)) == [0x78])
        let error = SocketError(.connect, .timedOut(limit: duration))
        #expect(error.description.hasPrefix("cannot connect: no answer in "))
    }

    @Test("a SocketStream works with an unlimited line length and a buffer of any size")
    func extremeStreams() throws {
        for size in [Int.max, Int.min, -1, 0, 1] {
            let (one, other) = try Socket.pair()
            let stream = SocketStream(one, bufferSize: size, lineLimit: .max)
            try other.sendAll("line\r\n")
            #expect(try stream.readLine(timeout: .seconds(10)) == "line")
            try stream.write("ab")
            try stream.flush()
            #expect(try other.receive() == [0x61, 0x62])
        }
    }
}
