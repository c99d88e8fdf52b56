import Logging

@testable import Sockets

/// A server in a simulated world, its callers, and its end at some time.
final class SimulatedServer: @unchecked Sendable {
    // Safe: one thread runs everything.

    private let world: SimulatedWorld
    private let listener: Listener
    private let places: Int
    private var handlers = 0
    private var isEnding = false

    private var kernel: InMemoryKernel { world.kernel }
    var source: EventSource { listener.source }

    init(in world: SimulatedWorld) throws {
        self.world = world
        places = 1 + world.kernel.draw(3)
        let socket = Socket(
            owning: world.kernel.makeListener(), .unix, .stream, local: .unnamed, remote: nil)
        listener = try Listener(
            owning: socket, on: world.loops[world.kernel.draw(world.loops.count)],
            of: world.group)
    }

    /// Serves, lets some call, and ends it in one of the ways in which a server ends.
    func begin() {
        let options = ServeOptions(
            maximumConnections: places,
            idleTimeout: kernel.draw(3) == 0 ? TimeLimit(.milliseconds(3)) : .never,
            gracePeriod: Duration.milliseconds([0, 1, 5, 100][kernel.draw(4)]),
            logger: Self.silence)
        let isCancelled = kernel.draw(2) == 0
        let serving = world.start { [self] in
            do throws(SocketError) {
                try await listener.serve(options: options) {
                    try await self.handle($0)
                }
            } catch {
                // It may have been closed before it had begun.
                precondition(error.cause == .closed && isEnding, "\(error)")
            }
            precondition(handlers == 0, "\(handlers) handlers outlive their server")
            precondition(listener.isClosed)
        }
        for number in 0..<1 + kernel.draw(6) { world.start { await self.call(number) } }
        world.start { [self] in
            await world.sleep(Int64(kernel.draw(40_000_000)))
            isEnding = true
            if isCancelled { serving.cancel() } else { listener.close() }
        }
    }

    private func handle(_ connection: Connection) async throws {
        handlers += 1
        defer { handlers -= 1 }
        precondition(handlers <= places, "\(handlers) callers in \(places) places")
        try await connection.echo()
    }

    /// Says something, and wants to hear the same.
    private func call(_ number: Int) async {
        await world.sleep(Int64(kernel.draw(20_000_000)))
        guard
            let descriptor = kernel.connect(
                to: listener.source.descriptor, capacity: 1 + kernel.draw(50))
        else { return precondition(isEnding, "refused before the end") }
        guard
            let connection = try? Connection(
                owning: descriptor, .unix, local: .unnamed, remote: .unnamed,
                on: world.loops[kernel.draw(world.loops.count)])
        else { preconditionFailure("no connection") }
        let bytes = (0..<kernel.draw(120)).map { SimulatedLink.byte(at: $0, of: number) }
        let pause = kernel.draw(4) == 0 ? Int64(kernel.draw(8_000_000)) : 0
        do throws(SocketError) {
            if pause > 0 { await world.sleep(pause) }
            let reply = try await connection.exchange(bytes, reading: .toEnd())
            precondition(bytes.starts(with: reply.bytes), "another's bytes")
            precondition(
                reply.bytes == bytes || isEnding || pause > 0 || reply.bytes.count < bytes.count,
                "more bytes than were said")
        } catch {
            kernel.note(11)
        }
        connection.close()
    }

    private static let silence = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
}
