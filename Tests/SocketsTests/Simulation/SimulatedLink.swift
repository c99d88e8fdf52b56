import SystemPackage

@testable import Sockets

/// Two connections that are connected to each other in a simulated world, and what is allowed to
/// befall them.
final class SimulatedLink: @unchecked Sendable {
    // Safe: one thread runs everything.

    let world: SimulatedWorld
    let one: Connection
    let other: Connection
    /// Somebody has closed or broken it: reads and writes may fail, but must not lie.
    private var isDisturbedItself = false
    private var upstream: SimulatedLink?
    private var scoped: Set<ObjectIdentifier> = []

    private var isDisturbed: Bool { isDisturbedItself || upstream?.isDisturbed ?? false }

    /// What befalls that one befalls this one.
    func isDownstream(of link: SimulatedLink) { upstream = link }

    private var kernel: InMemoryKernel { world.kernel }

    init(in world: SimulatedWorld) throws {
        self.world = world
        let (here, there) = world.kernel.makeStream(capacity: 1 + world.kernel.draw(80))
        let loops = world.loops
        one = try Connection(
            owning: here, .unix, local: .unnamed, remote: .unnamed,
            on: loops[world.kernel.draw(loops.count)])
        other = try Connection(
            owning: there, .unix, local: .unnamed, remote: .unnamed,
            on: loops[world.kernel.draw(loops.count)])
    }

    /// The byte at one place of a stream.
    static func byte(at position: Int, of stream: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: position &* 7 &+ stream &* 31 &+ position / 251)
    }

    /// Closes or breaks it at some time, in some worlds.
    func disturb() {
        guard kernel.draw(4) == 0 else { return }
        isDisturbedItself = true
        world.start { [self] in
            await world.sleep(Int64(kernel.draw(20_000_000)))
            switch kernel.draw(3) {
            case 0: one.close()
            case 1: other.close()
            default: kernel.breakStream(one.source.descriptor)
            }
        }
    }

    // MARK: Whole streams

    /// Writes a stream in pieces of all sizes, whatever comes between, and ends it.
    func write(_ count: Int, of stream: Int, to connection: Connection) async {
        var sent = 0
        while sent < count {
            let size = min(count - sent, 1 + kernel.draw(120))
            let bytes = (sent..<sent + size).map { Self.byte(at: $0, of: stream) }
            let isInPieces = kernel.draw(3) == 0
            let outcome = await attempt(.writing, on: connection) { limit in
                if isInPieces {
                    let half = size / 2
                    try await connection.write(
                        parts: [Array(bytes[..<half]), [], Array(bytes[half...])], timeout: limit)
                } else {
                    try await connection.write(bytes, timeout: limit)
                }
                return size
            }
            switch outcome {
            case .done(let moved): sent += moved
            case .again(let moved):
                sent += moved
                try? connection.resumeWriting()
            case .over: return
            }
        }
        try? connection.shutdown(.write)
    }

    /// Reads a stream to its end in all ways, and compares each byte.
    func read(_ count: Int, of stream: Int, from connection: Connection) async {
        var position = 0
        while true {
            let way = kernel.draw(4)
            let most = 1 + kernel.draw(60)
            var received: [UInt8] = []
            let outcome = await attempt(.reading, on: connection) { limit in
                switch way {
                case 0:
                    received = try await connection.read(atMost: most, timeout: limit)
                case 1:
                    received =
                        try await connection.withReceived(timeout: limit) { span in
                            span.withUnsafeBytes { Array($0) }
                        } ?? []
                case 2:
                    _ = try await connection.read(
                        appendingTo: &received, atMost: most, timeout: limit)
                default:
                    do throws(SocketError) {
                        received = try await connection.readExactly(
                            min(most, max(1, count - position)), timeout: limit)
                    } catch {
                        guard error.cause == .endOfStream else { throw error }
                        received = error.partialBytes
                    }
                }
                return received.count
            }
            switch outcome {
            case .done(let count): if count == 0 { break }
            case .again: continue
            case .over: return
            }
            for byte in received {
                precondition(
                    byte == Self.byte(at: position, of: stream),
                    "byte \(position) of stream \(stream) is \(byte)")
                position += 1
            }
            if received.isEmpty { break }
        }
        precondition(
            position == count || isDisturbed, "the stream ended after \(position) of \(count)")
        kernel.note(8, position)
    }

    /// Asks, and waits for each answer before it asks again.
    func ask(_ times: Int) async {
        for number in 0..<times {
            let question = String(repeating: "q", count: kernel.draw(150)) + "\(number)"
            do {
                let reply = try await one.exchange(question + "\n", reading: .line)
                precondition(reply.text == question + "!", "\(reply.text) to \(question)")
            } catch {
                return over(error)
            }
        }
        one.close()
    }

    /// Answers each line.
    func answer() async {
        do {
            for try await line in other.lines { try await other.write(line + "!\n") }
        } catch {
            over(error)
        }
    }

    /// Sends back what comes, and then its end.
    func echo() async {
        while true {
            let outcome = await attempt(.reading, on: other, isChecked: false) { _ in
                try await self.other.echo()
            }
            guard case .again = outcome else { break }
        }
        try? other.shutdown(.write)
    }

    /// Passes on what comes to a second stream.
    func copy(to second: SimulatedLink) async {
        while true {
            let outcome = await attempt(.reading, on: other, isChecked: false) { _ in
                try await self.other.copy(to: second.one)
            }
            guard case .again = outcome else { break }
        }
        // Also when it ended early, so that nobody waits for more.
        try? second.one.shutdown(.write)
    }

    // MARK: One operation

    private enum Outcome {
        case done(Int)
        /// It ended early, after so many bytes.
        case again(Int)
        /// There will be no more.
        case over
    }

    /// Makes an operation under some limit; in some cases in a task that is cancelled at some time.
    private func attempt(
        _ direction: EventSource.Direction, on connection: Connection, isChecked: Bool = true,
        _ body: @escaping (TimeLimit) async throws -> Int
    ) async -> Outcome {
        let kernel = kernel
        let isLimited = kernel.draw(3) == 0
        let nanoseconds = Int64(1 + kernel.draw(6_000_000))
        let limit = isLimited ? TimeLimit(.nanoseconds(nanoseconds)) : .never
        let isCancelled = kernel.draw(4) == 0
        let isScoped = kernel.draw(2) == 0
        let start = kernel.nanoseconds
        // Safe: it is only called by the one task below, while this one waits for it.
        nonisolated(unsafe) let body = body
        let current = Current()
        let operation = { @Sendable () async throws -> Int in
            let mark = isChecked ? self.expectation(of: direction, on: connection) : nil
            current.mark = mark
            defer { mark?.isOver = true }
            // As `serve` has it: one scope for a connection, whoever else may use that.
            guard isScoped, self.scoped.insert(ObjectIdentifier(connection)).inserted else {
                return try await body(limit)
            }
            defer { self.scoped.remove(ObjectIdentifier(connection)) }
            return try await connection.source.withCancellationScope { try await body(limit) }
        }
        do {
            guard isCancelled else { return .done(try await operation()) }
            let task = Task(executorPreference: world.anyExecutor(), operation: operation)
            world.start {
                await self.world.sleep(Int64(kernel.draw(3_000_000)))
                task.cancel()
                current.mark?.isCancelled = true
            }
            return .done(try await task.value)
        } catch let error as SocketError {
            switch error.cause {
            case .timedOut:
                let took = kernel.nanoseconds - start
                precondition(isLimited && took >= nanoseconds, "\(nanoseconds) passed in \(took)")
                precondition(
                    !world.isPunctual || isCancelled || took <= nanoseconds + 1_000_000,
                    "\(nanoseconds) passed only after \(took)")
                return .again(error.bytesTransferred)
            case .cancelled:
                precondition(isCancelled, "cancelled by nobody")
                return .again(error.bytesTransferred)
            default:
                over(error)
                return .over
            }
        } catch {
            preconditionFailure("\(error)")
        }
    }

    private func over(_ error: any Error) {
        precondition(isDisturbed, "nobody disturbed it: \(error)")
        guard let error = error as? SocketError else { preconditionFailure("\(error)") }
        switch error.cause {
        case .closed, .endOfStream, .incompleteWrite, .system(.connectionReset),
            .system(.brokenPipe), .system(.socketNotConnected):
            kernel.note(9)
        default:
            preconditionFailure("an end that nobody made: \(error)")
        }
    }

    private final class Mark {
        var isOver = false
        var isCancelled = false
    }

    /// The mark of the operation that has begun, for who cancels it.
    private final class Current: @unchecked Sendable {
        // Safe: one thread runs everything.
        var mark: Mark?
    }

    /// From now on, whenever there is nothing left to do, the operation must have nothing to do.
    private func expectation(
        of direction: EventSource.Direction, on connection: Connection
    ) -> Mark {
        let mark = Mark()
        let (kernel, descriptor) = (kernel, connection.source.descriptor)
        world.expect { [weak connection] in
            guard !mark.isOver, let connection else { return .over }
            if connection.isClosed { return .missed("a close") }
            if mark.isCancelled { return .missed("a cancellation") }
            switch direction {
            case .reading: return kernel.isReadable(descriptor) ? .missed("bytes") : .waiting
            case .writing: return kernel.hasUntoldRoom(descriptor) ? .missed("room") : .waiting
            }
        }
        return mark
    }
}
