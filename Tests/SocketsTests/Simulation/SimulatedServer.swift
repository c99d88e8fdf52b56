import Logging

@testable import Sockets

/// A server on a simulated machine with its clients, which stops at a random time.
final class SimulatedServer: @unchecked Sendable {
    // Safe: one thread runs everything.

    private let machine: SimulatedMachine
    private let listener: Listener
    private let maximumConnections: Int
    private var handlers = 0
    private var isEnding = false

    private var kernel: InMemoryKernel { machine.kernel }
    var source: EventSource { listener.source }

    init(in machine: SimulatedMachine) throws {
        self.machine = machine
        maximumConnections = 1 + machine.kernel.draw(3)
        let socket = OwnedSocket(
            OwnedDescriptor(machine.kernel.makeListener()), .unix, .stream, local: .unnamed)
        listener = try Listener(
            taking: socket, on: machine.loops[machine.kernel.draw(machine.loops.count)],
            of: machine.group)
    }

    /// Serves some clients and ends the server by cancellation or by closing the listener.
    func begin() {
        let options = ServeOptions(
            maximumConnections: maximumConnections,
            idleTimeout: kernel.draw(3) == 0 ? TimeLimit(.milliseconds(3)) : .never,
            gracePeriod: Duration.milliseconds([0, 1, 5, 100][kernel.draw(4)]),
            logger: Self.silence)
        let isCancelled = kernel.draw(2) == 0
        let serving = machine.start { [self] in
            do throws(SocketError) {
                try await listener.serve(options: options) {
                    try await self.handle($0)
                }
            } catch {
                // The listener may be closed before `serve` begins.
                precondition(error.cause == .closed && isEnding, "\(error)")
            }
            precondition(handlers == 0, "\(handlers) handlers run after the server has ended")
            precondition(listener.isClosed)
        }
        for number in 0..<1 + kernel.draw(6) { machine.start { await self.call(number) } }
        machine.start { [self] in
            await machine.sleep(Int64(kernel.draw(40_000_000)))
            isEnding = true
            if isCancelled { serving.cancel() } else { listener.close() }
        }
    }

    private func handle(_ connection: Connection) async throws {
        handlers += 1
        defer { handlers -= 1 }
        precondition(
            handlers <= maximumConnections, "\(handlers) clients, at most \(maximumConnections)")
        try await connection.echo()
    }

    /// Connects, sends some bytes and expects their echo.
    private func call(_ number: Int) async {
        await machine.sleep(Int64(kernel.draw(20_000_000)))
        guard
            let descriptor = kernel.connect(
                to: listener.source.descriptor, capacity: 1 + kernel.draw(50))
        else { return precondition(isEnding, "refused before the end") }
        guard
            let connection = try? Connection(
                taking: OwnedSocket(OwnedDescriptor(descriptor), .unix, .stream),
                on: machine.loops[kernel.draw(machine.loops.count)])
        else { preconditionFailure("no connection") }
        let bytes = (0..<kernel.draw(120)).map { SimulatedPair.byte(at: $0, of: number) }
        let pause = kernel.draw(4) == 0 ? Int64(kernel.draw(8_000_000)) : 0
        do throws(SocketError) {
            if pause > 0 { await machine.sleep(pause) }
            let reply = try await connection.exchange(bytes, reading: .toEnd())
            precondition(bytes.starts(with: reply.bytes), "bytes of another client")
            precondition(
                reply.bytes == bytes || isEnding || pause > 0 || reply.bytes.count < bytes.count,
                "more bytes than the client sent")
        } catch {
            kernel.note(11)
        }
        connection.close()
    }

    private static let silence = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
}
