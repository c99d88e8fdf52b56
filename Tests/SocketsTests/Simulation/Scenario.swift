@testable import Sockets

/// The simulation of one seed.
enum Scenario {
    /// Runs the simulation to its end and returns the hash of what happened.
    static func run(_ seed: UInt64) throws -> UInt64 {
        let kernel = InMemoryKernel(seed: seed)
        return try Simulation.run(on: kernel) {
            let sources = try live(in: kernel)
            for source in sources {
                precondition(source.value == nil, "the loop retains a source")
            }
            precondition(kernel.openDescriptors.isEmpty, "left open: \(kernel.openDescriptors)")
            kernel.note(Int(truncatingIfNeeded: kernel.nanoseconds))
            return kernel.trace
        }
    }

    private static func live(in kernel: InMemoryKernel) throws -> [Weak<EventSource>] {
        let machine = try SimulatedMachine(on: kernel)
        var sources: [Weak<EventSource>] = []
        if kernel.draw(3) == 0 {
            let server = try SimulatedServer(in: machine)
            sources.append(Weak(server.source))
            server.begin()
        }
        for number in 0...kernel.draw(3) {
            let pair = try SimulatedPair(in: machine)
            sources += [Weak(pair.one.source), Weak(pair.other.source)]
            try begin(kernel.draw(5), number, on: pair, in: machine, &sources)
            pair.disturb()
        }
        if kernel.draw(4) == 0 {
            let pair = try SimulatedMemoryPair(in: machine)
            sources += [Weak(pair.one.source), Weak(pair.other.source)]
            pair.begin(kernel.draw(600))
        }
        machine.run()
        machine.end()
        return sources
    }

    /// Starts one of the kinds of transfer between two connections.
    private static func begin(
        _ kind: Int, _ number: Int, on pair: SimulatedPair, in machine: SimulatedMachine,
        _ sources: inout [Weak<EventSource>]
    ) throws {
        let kernel = machine.kernel
        let count = kernel.draw(600)
        switch kind {
        case 0:
            // One direction.
            machine.start { await pair.write(count, of: number, to: pair.one) }
            machine.start { await pair.read(count, of: number, from: pair.other) }
        case 1:
            // Both directions at once.
            let back = kernel.draw(600)
            machine.start { await pair.write(count, of: number, to: pair.one) }
            machine.start { await pair.read(count, of: number, from: pair.other) }
            machine.start { await pair.write(back, of: number + 100, to: pair.other) }
            machine.start { await pair.read(back, of: number + 100, from: pair.one) }
        case 2:
            let times = kernel.draw(8)
            machine.start { await pair.ask(times) }
            machine.start { await pair.answer() }
        case 3:
            // An echo.
            machine.start { await pair.write(count, of: number, to: pair.one) }
            machine.start { await pair.read(count, of: number, from: pair.one) }
            machine.start { await pair.echo() }
        default:
            // A copy to a second stream.
            let second = try SimulatedPair(in: machine)
            sources += [Weak(second.one.source), Weak(second.other.source)]
            machine.start { await pair.write(count, of: number, to: pair.one) }
            machine.start { await pair.copy(to: second) }
            second.isDownstream(of: pair)
            machine.start { await second.read(count, of: number, from: second.other) }
        }
    }

    struct Weak<Value: AnyObject> {
        weak var value: Value?
        init(_ value: Value) { self.value = value }
    }
}
