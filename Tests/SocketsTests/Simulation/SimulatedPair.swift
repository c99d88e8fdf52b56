import SystemPackage

@testable import Sockets

/// Two connections to each other on a simulated machine, and the operations on them.
final class SimulatedPair: @unchecked Sendable {
    // Safe: one thread runs everything.

    let machine: SimulatedMachine
    let one: Connection
    let other: Connection
    /// Whether the scenario closes or resets this pair.
    ///
    /// Then reads and writes may fail, but only as documented.
    private var isItselfDisturbed = false
    private var upstream: SimulatedPair?
    private var scoped: Set<ObjectIdentifier> = []

    private var isDisturbed: Bool { isItselfDisturbed || upstream?.isDisturbed ?? false }

    /// Declares that a disturbance of `pair` also affects this pair.
    func isDownstream(of pair: SimulatedPair) { upstream = pair }

    private var kernel: InMemoryKernel { machine.kernel }

    init(in machine: SimulatedMachine) throws {
        self.machine = machine
        let (here, there) = machine.kernel.makeStream(capacity: 1 + machine.kernel.draw(80))
        let loops = machine.loops
        one = try Connection(
            taking: OwnedSocket(OwnedDescriptor(here), .unix, .stream),
            on: loops[machine.kernel.draw(loops.count)])
        other = try Connection(
            taking: OwnedSocket(OwnedDescriptor(there), .unix, .stream),
            on: loops[machine.kernel.draw(loops.count)])
    }

    /// Returns the byte at a position of a stream.
    static func byte(at position: Int, of stream: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: position &* 7 &+ stream &* 31 &+ position / 251)
    }

    /// Closes or resets the pair at a random time with some seeds.
    func disturb() {
        guard kernel.draw(4) == 0 else { return }
        isItselfDisturbed = true
        machine.start { [self] in
            await machine.sleep(Int64(kernel.draw(20_000_000)))
            switch kernel.draw(3) {
            case 0: one.close()
            case 1: other.close()
            default: kernel.breakStream(one.source.descriptor)
            }
        }
    }

    // MARK: Whole streams

    /// Writes a stream in pieces of random sizes despite interruptions, and half-closes.
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

    /// Reads a stream to its end with all read methods, and compares each byte.
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

    /// Sends questions and waits for each answer before the next question.
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

    /// Echoes everything and then half-closes.
    func echo() async {
        while true {
            let outcome = await attempt(.reading, on: other, isChecked: false) { _ in
                try await self.other.echo()
            }
            guard case .again = outcome else { break }
        }
        try? other.shutdown(.write)
    }

    /// Copies everything to a second stream.
    func copy(to second: SimulatedPair) async {
        while true {
            let outcome = await attempt(.reading, on: other, isChecked: false) { _ in
                try await self.other.copy(to: second.one)
            }
            guard case .again = outcome else { break }
        }
        // Half-close even if the copy ended early, so that the reader does not wait for more bytes.
        try? second.one.shutdown(.write)
    }

    // MARK: One operation

    private enum Outcome {
        case done(Int)
        /// The operation ended early after this number of bytes.
        case again(Int)
        /// The stream has ended.
        case over
    }

    /// Performs an operation with a random time limit, sometimes in a task that is cancelled.
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
        // Safe: only the task below calls it, while this task waits for that task.
        nonisolated(unsafe) let body = body
        let current = Current()
        let operation = { @Sendable () async throws -> Int in
            let state = isChecked ? self.expectation(of: direction, on: connection) : nil
            current.state = state
            defer { state?.isOver = true }
            // Like `serve`: one scope per connection, although other tasks use the connection too.
            guard isScoped, self.scoped.insert(ObjectIdentifier(connection)).inserted else {
                return try await body(limit)
            }
            defer { self.scoped.remove(ObjectIdentifier(connection)) }
            return try await connection.source.withCancellationScope { try await body(limit) }
        }
        do {
            guard isCancelled else { return .done(try await operation()) }
            let task = Task(executorPreference: machine.anyExecutor(), operation: operation)
            machine.start {
                await self.machine.sleep(Int64(kernel.draw(3_000_000)))
                task.cancel()
                current.state?.isCancelled = true
            }
            return .done(try await task.value)
        } catch let error as SocketError {
            switch error.cause {
            case .timedOut:
                let took = kernel.nanoseconds - start
                precondition(isLimited && took >= nanoseconds, "\(nanoseconds) passed in \(took)")
                precondition(
                    !machine.isPunctual || isCancelled || took <= nanoseconds + 1_000_000,
                    "\(nanoseconds) passed only after \(took)")
                return .again(error.bytesTransferred)
            case .cancelled:
                precondition(isCancelled, "no task cancelled it")
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
        precondition(isDisturbed, "it was not disturbed: \(error)")
        guard let error = error as? SocketError else { preconditionFailure("\(error)") }
        switch error.cause {
        case .closed, .endOfStream, .incompleteWrite, .system(.connectionReset),
            .system(.brokenPipe), .system(.socketNotConnected):
            kernel.note(9)
        default:
            preconditionFailure("an undocumented error: \(error)")
        }
    }

    private final class OperationState {
        var isOver = false
        var isCancelled = false
    }

    /// The state of the current operation, for the task that cancels it.
    private final class Current: @unchecked Sendable {
        // Safe: one thread runs everything.
        var state: OperationState?
    }

    /// Requires from now on that the operation cannot proceed whenever the machine is idle.
    private func expectation(
        of direction: EventSource.Direction, on connection: Connection
    ) -> OperationState {
        let state = OperationState()
        let (kernel, descriptor) = (kernel, connection.source.descriptor)
        machine.expect { [weak connection] in
            guard !state.isOver, let connection else { return .over }
            if connection.isClosed { return .missed("a close") }
            if state.isCancelled { return .missed("a cancellation") }
            switch direction {
            case .reading: return kernel.isReadable(descriptor) ? .missed("bytes") : .waiting
            case .writing: return kernel.hasUnreportedSpace(descriptor) ? .missed("room") : .waiting
            }
        }
        return state
    }
}
