import Testing

@testable import Sockets

@Suite("Socket: time limits", .ownThread)
struct SocketWaitingTests {
    private static let limits: [TimeLimit] = [
        .milliseconds(1), .milliseconds(30), .milliseconds(130), .seconds(0.0471),
    ]

    @Test(
        "receive and receiveFrom time out at or after the limit, and less than 2 seconds late",
        arguments: limits)
    func neverEarly(_ limit: TimeLimit) throws {
        let (one, other) = try Socket.pair()
        let udp = try Loopback.udp()
        for receive in [
            { _ = try one.receive(timeout: limit) },
            { _ = try udp.receiveFrom(timeout: limit) },
        ] as [() throws -> Void] {
            var deadline = Deadline(startingNow: limit)
            let end = deadline.start()
            let error = #expect(throws: SocketError.self) { try receive() }
            #expect(error?.isTimeout == true)
            #expect(System.continuousNanoseconds() >= end)
            #expect(System.continuousNanoseconds() < end + 2_000_000_000)
        }
        withExtendedLifetime(other) {}
    }

    @Test("a time limit that is an instant ends a receive at that instant")
    func untilAnInstant() throws {
        let (one, other) = try Socket.pair()
        let deadline = ContinuousClock.now + .milliseconds(150)
        try other.send("x")
        #expect(try one.receive(timeout: .until(deadline)) == Array("x".utf8))
        let error = #expect(throws: SocketError.self) { try one.receive(timeout: .until(deadline)) }
        #expect(error?.cause == .timedOut(limit: nil))
        #expect(ContinuousClock.now >= deadline)
    }

    @Test("receive with an expired time limit returns available bytes, and otherwise throws")
    func passedLimit() throws {
        let (one, other) = try Socket.pair()
        try other.send("here")
        #expect(try one.receive(timeout: .seconds(0)) == Array("here".utf8))
        for limit in [.seconds(0), .seconds(-5), .until(.now)] as [TimeLimit] {
            let error = #expect(throws: SocketError.self) { try one.receive(timeout: limit) }
            #expect(error?.isTimeout == true)
        }
    }

    @Test("two concurrent receives on one socket end at their own time limits")
    func differentLimits() throws {
        for longFirst in [true, false] {
            let (one, other) = try Socket.pair()
            let long = Background { try one.receive(atMost: 1) }
            if longFirst { try waitUntilAThreadWaits(on: one) }
            let error = #expect(throws: SocketError.self) {
                try one.receive(timeout: .milliseconds(40))
            }
            #expect(error?.isTimeout == true)
            // The limit of the other thread did not end this receive.
            try other.send("z")
            #expect(try long.value() == Array("z".utf8))
        }
    }

    @Test("a receive without a time limit outlasts a concurrent receive with a time limit")
    func neverOutlastsTheOthersLimit() throws {
        let (one, other) = try Socket.pair()
        let limited = Background { () -> Bool in
            do throws(SocketError) {
                _ = try one.receive(timeout: .milliseconds(100))
                return false
            } catch {
                return error.isTimeout
            }
        }
        try waitUntilAThreadWaits(on: one)
        let patient = Background { try one.receive(atMost: 1) }
        #expect(try limited.value())
        try other.send("q")
        #expect(try patient.value() == Array("q".utf8))
    }

    @Test("receive keeps its time limit after EINTR")
    func limitAfterInterruptions() throws {
        let (one, other) = try Socket.pair()
        let start = ContinuousClock.now
        let faults = [FaultInjection.Fault](repeating: .error(.interrupted), count: 5)
        let error = #expect(throws: SocketError.self) {
            try FaultInjection.during([.recv: faults]) {
                try one.receive(timeout: .milliseconds(60))
            }
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(60)))
        #expect(start.duration(to: .now) >= .milliseconds(60))
        withExtendedLifetime(other) {}
    }

    @Test("a kernel time limit set by other code does not end a receive that has no time limit")
    func foreignKernelLimit() throws {
        let (one, other) = try Socket.pair()
        try System.setTimeout(one.descriptor, .receive, microseconds: 10_000)
        let background = Background { try one.receive(atMost: 1) }
        let error = #expect(throws: SocketError.self) {
            try other.receive(timeout: .milliseconds(60))
        }
        #expect(error?.isTimeout == true)
        try other.send("s")
        #expect(try background.value() == Array("s".utf8))
    }

    @Test("send to a Unix peer that does not read times out at its limit")
    func unixStreamSendLimit() throws {
        for kind in [SocketType.stream, .datagram, .sequencedPacket] {
            let (one, other) = try Socket.pair(kind)
            _ = try Loopback.fill(one)
            let start = ContinuousClock.now
            let error = #expect(throws: SocketError.self) {
                try one.send([UInt8](repeating: 1, count: 65536), timeout: .milliseconds(70))
            }
            #expect(error?.isTimeout == true, "\(kind)")
            #expect(start.duration(to: .now) >= .milliseconds(70))
            #expect(start.duration(to: .now) < .seconds(2))
            withExtendedLifetime(other) {}
        }
    }

    @Test("a Unix peer that reads slowly does not extend the time limit of sendAll")
    func unixStreamSendIsBoundedAsAWhole() throws {
        let (one, other) = try Socket.pair()
        _ = try Loopback.fill(one)
        let reader = Background { while try !other.receive(atMost: 2048).isEmpty {} }
        let plenty = [UInt8](repeating: 1, count: 256 << 20)
        let start = ContinuousClock.now
        let error = #expect(throws: SocketError.self) {
            try one.sendAll(plenty, timeout: .milliseconds(100))
        }
        #expect(error?.isTimeout == true)
        #expect(try #require(error).bytesTransferred > 0)
        #expect(start.duration(to: .now) < .seconds(1))
        one.close()
        try reader.value()
    }
}
