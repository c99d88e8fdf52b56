import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("JoinDirection", .ownThread)
struct JoinDirectionTests {
    /// A direction between two nonblocking connections, and their peers.
    private struct Setup: ~Copyable {
        let client: Descriptor
        let server: Descriptor
        let front: Descriptor
        let back: Descriptor
        var direction: JoinDirection
        var input: ByteBuffer
        var isAtEnd = false

        init(overTCP: Bool = true, maySplice: Bool = true, capacity: Int = 65536) throws {
            let (client, front) = try overTCP ? RawSockets.connection() : RawSockets.pair()
            let (back, server) = try overTCP ? RawSockets.connection() : RawSockets.pair()
            for descriptor in [front, back] {
                try System.setBlocking(descriptor.number, false)
            }
            direction = JoinDirection(
                from: Self.end(front, overTCP), to: Self.end(back, overTCP), maySplice: maySplice)
            input = ByteBuffer(capacity: capacity)
            (self.client, self.front, self.back, self.server) = (client, front, back, server)
        }

        private static func end(_ descriptor: Descriptor, _ isTCP: Bool) -> JoinEnd {
            JoinEnd(
                descriptor: descriptor.number, family: isTCP ? .ipv4 : .unix, encryption: nil,
                connectionError: ConnectionError())
        }

        mutating func step() -> JoinDirection.Step {
            direction.step(&input, isAtEnd: &isAtEnd, scratch: nil, isSignalBlocked: false)
        }

        /// Takes steps until one is not `moved`, or until the origin is empty.
        mutating func stepUntilBlocked() -> JoinDirection.Step {
            while true {
                let step = step()
                guard case .moved(isDrained: false) = step else { return step }
            }
        }

        /// Takes steps until the direction ends or fails, for at most ten seconds.
        mutating func stepToTheEnd() -> JoinDirection.Step {
            let deadline = ContinuousClock.now + .seconds(10)
            while true {
                let step = step()
                switch step {
                case .ended, .failed: return step
                case .moved, .blocked: if ContinuousClock.now > deadline { return step }
                }
            }
        }

        /// Fills the queues on the way to the server with a pattern, and returns the bytes.
        mutating func fill() throws -> [UInt8] {
            let bytes = pattern(32 << 20)
            var sent = 0
            while true {
                let count = try? bytes[sent...].withUnsafeBytes {
                    try System.send(client.number, $0, .dontWait)
                }
                sent += count ?? 0
                if case .blocked(.destination) = stepUntilBlocked(), count == nil { break }
            }
            try #require(sent < bytes.count)
            return Array(bytes[..<sent])
        }
    }

    /// Receives `count` bytes without waiting for more than ten seconds.
    private func receive(_ socket: Descriptor, _ count: Int) throws -> [UInt8] {
        try System.setTimeout(socket.number, .receive, microseconds: 10_000_000)
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try bytes.append(atMost: count - bytes.count) { free throws(Errno) in
                try System.recv(socket.number, free, [])
            }
            if more == 0 { break }
        }
        return bytes
    }

    @Test("small amounts of bytes are copied without a splice or a wasted receive")
    func copiesFewBytes() throws {
        var setup = try Setup()
        _ = try System.send(setup.client.number, "hello")
        let faults = FaultInjection([
            .splice: [.pass], .pipe: [.pass], .recv: [.pass, .pass], .send: [.pass, .pass],
        ])
        FaultInjection.$current.withValue(faults) {
            guard case .moved(isDrained: true) = setup.step() else {
                Issue.record("expected a step that drains the origin")
                return
            }
        }
        #expect(faults.remaining(of: .splice) == 1)
        #expect(faults.remaining(of: .pipe) == 1)
        #expect(faults.remaining(of: .recv) == 1)
        #expect(faults.remaining(of: .send) == 1)
        #expect(setup.direction.forwarded == 5)
        #expect(try receive(setup.server, 5) == Array("hello".utf8))
    }

    @Test(
        "bytes that were received before are sent first, and large amounts are then spliced",
        arguments: [true, false])
    func splices(overTCP: Bool) throws {
        var setup = try Setup(overTCP: overTCP)
        Array("first ".utf8).withUnsafeBytes { setup.input.append($0) }
        let bytes = pattern(120_000)
        let sending = Background { [client = setup.client] in
            _ = try bytes.withUnsafeBytes { try System.send(client.number, $0, []) }
        }
        try sending.value()
        let passes = Array(repeating: FaultInjection.Fault.pass, count: 100)
        let faults = FaultInjection([.splice: passes])
        FaultInjection.$current.withValue(faults) {
            while setup.direction.forwarded < 120_006 {
                if case .failed(let error, _) = setup.step() {
                    Issue.record("\(error)")
                    return
                }
            }
        }
        #expect(faults.remaining(of: .splice) < 99)
        #expect(try receive(setup.server, 120_006) == Array("first ".utf8) + bytes)
    }

    @Test("a destination that does not read stops the origin, and reclaim loses no bytes")
    func reclaims() throws {
        var setup = try Setup()
        let sent = try setup.fill()
        let forwarded = setup.direction.forwarded
        let passes = Array(repeating: FaultInjection.Fault.pass, count: 100)
        let faults = FaultInjection([.read: passes])
        FaultInjection.$current.withValue(faults) {
            setup.direction.reclaim(into: &setup.input)
        }
        // Otherwise the pipe was empty, and the test shows nothing.
        #expect(faults.remaining(of: .read) < 100)
        #expect(setup.direction.lost == 0)
        var rest = [UInt8](setup.input.bytes)
        while let more = try? System.receiveAvailable(setup.front.number), !more.isEmpty {
            rest += more
        }
        let received = try receive(setup.server, forwarded)
        // The client's system may still have bytes that did not fit.
        let all = received + rest
        #expect(all == Array(sent[..<all.count]))
        #expect(all.count > forwarded)
    }

    @Test("bytes that the destination does not accept stay in the buffer, whatever its capacity")
    func smallBuffer() throws {
        var setup = try Setup(maySplice: false, capacity: 1)
        let sent = try setup.fill()
        let forwarded = setup.direction.forwarded
        let kept = [UInt8](setup.input.bytes)
        // Otherwise the destination accepted everything, and the test shows nothing.
        #expect(!kept.isEmpty)
        let all = try receive(setup.server, forwarded) + kept
        #expect(all == Array(sent[..<all.count]))
    }

    @Test("bytes that could not be read from the pipe are counted as lost")
    func countsLostBytes() throws {
        var setup = try Setup()
        _ = try setup.fill()
        FaultInjection.during([.read: [.error(.ioError)]]) {
            setup.direction.reclaim(into: &setup.input)
        }
        #expect(setup.direction.lost > 0)
        let isEmpty = setup.input.isEmpty
        #expect(isEmpty)
    }

    /// Runs in a process of its own, because the join of another test could give its pipe to this
    /// direction, which then would not create one.
    @Test("a direction copies if splice(2) refuses or there is no pipe")
    func copiesInstead() async {
        await #expect(processExitsWith: .success) {
            let scripts: [[SystemCall: [FaultInjection.Fault]]] = [
                [.splice: [.error(.invalidArgument)]],
                [.splice: [.pass, .error(.invalidArgument)]],
                [.splice: [.error(.noMemory)]],
                [.pipe: [.error(.tooManyOpenFiles)]],
                [.pipe: [.error(.noFunction)]],
                [.fcntl: [.error(.notPermitted)]],
            ]
            for script in scripts {
                var setup = try Setup(overTCP: false)
                let bytes = pattern(120_000)
                _ = try bytes.withUnsafeBytes {
                    try System.send(setup.client.number, $0, .dontWait)
                }
                let faults = FaultInjection(script)
                FaultInjection.$current.withValue(faults) {
                    while setup.direction.forwarded < 120_000 {
                        if case .failed(let error, _) = setup.step() { fatalError("\(error)") }
                    }
                }
                for call in script.keys { precondition(faults.remaining(of: call) == 0) }
                let received = try JoinDirectionTests().receive(setup.server, 120_000)
                precondition(received == bytes)
            }
        }
    }

    /// Counts descriptors, so it runs in a process of its own.
    @Test("a direction that waits for bytes holds no pipe, whether it has moved many bytes or few")
    func givesPipeBack() async {
        await #expect(processExitsWith: .success) {
            for size in [120_000, 70_000] {
                var setup = try Setup(overTCP: false)
                await startLoops()
                let before = openDescriptors()
                let bytes = pattern(size)
                let sent = try bytes.withUnsafeBytes {
                    try System.send(setup.client.number, $0, .dontWait)
                }
                precondition(sent == size)
                let faults = FaultInjection([.pipe: [.pass]])
                FaultInjection.$current.withValue(faults) {
                    while setup.direction.forwarded < size { _ = setup.step() }
                    guard case .blocked(.origin) = setup.stepUntilBlocked() else {
                        preconditionFailure("the origin has more bytes")
                    }
                }
                precondition(faults.remaining(of: .pipe) == 0)
                precondition(openDescriptors() == before)
            }
        }
    }

    @Test("urgent data does not hide the bytes after it from a direction that splices")
    func urgentData() throws {
        var setup = try Setup()
        let bytes = pattern(100_000)
        let sending = Background { [client = setup.client] in
            for isLast in [false, true] {
                _ = try bytes.withUnsafeBytes { try System.send(client.number, $0, []) }
                if !isLast { _ = Glibc.send(client.number, "!", 1, Int32(MSG_OOB)) }
            }
        }
        let deadline = ContinuousClock.now + .seconds(10)
        while setup.direction.forwarded < 200_000, ContinuousClock.now < deadline {
            _ = setup.step()
        }
        try sending.value()
        #expect(setup.direction.forwarded == 200_000)
        #expect(try receive(setup.server, 200_000) == bytes + bytes)
    }

    @Test("EOF is reported after all bytes, and a reset is not reported as EOF")
    func ends() throws {
        var setup = try Setup()
        _ = try System.send(setup.client.number, "x")
        try System.shutdown(setup.client.number, .write)
        guard case .ended = setup.stepToTheEnd() else {
            Issue.record("expected the end of the stream")
            return
        }
        #expect(setup.direction.forwarded == 1)

        var other = try Setup()
        _ = LingerState.reset(other.client.number)
        guard case .failed(.connectionReset, .origin) = other.stepToTheEnd() else {
            Issue.record("expected a reset")
            return
        }
    }
}

extension System {
    /// Receives without waiting; throws `EAGAIN` if there are no bytes.
    fileprivate static func receiveAvailable(_ descriptor: Int32) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        _ = try bytes.append(atMost: 65536) { free throws(Errno) in
            try recv(descriptor, free, .dontWait)
        }
        return bytes
    }
}
