@testable import Sockets

/// What happens in the world of a seed.
enum Scenario {
    /// Runs the world to its end, and returns what happened in it, as one number.
    static func run(_ seed: UInt64) throws -> UInt64 {
        let kernel = InMemoryKernel(seed: seed)
        return try Simulation.run(on: kernel) {
            let sources = try live(in: kernel)
            for source in sources {
                precondition(source.value == nil, "a source is kept by its loop")
            }
            precondition(kernel.openDescriptors.isEmpty, "left open: \(kernel.openDescriptors)")
            kernel.note(Int(truncatingIfNeeded: kernel.nanoseconds))
            return kernel.trace
        }
    }

    private static func live(in kernel: InMemoryKernel) throws -> [Weak<EventSource>] {
        let world = try SimulatedWorld(on: kernel)
        var sources: [Weak<EventSource>] = []
        if kernel.draw(3) == 0 {
            let server = try SimulatedServer(in: world)
            sources.append(Weak(server.source))
            server.begin()
        }
        for number in 0...kernel.draw(3) {
            let link = try SimulatedLink(in: world)
            sources += [Weak(link.one.source), Weak(link.other.source)]
            try begin(kernel.draw(5), number, on: link, in: world, &sources)
            link.disturb()
        }
        world.run()
        world.end()
        return sources
    }

    /// Starts one of the things that one does with connections.
    private static func begin(
        _ kind: Int, _ number: Int, on link: SimulatedLink, in world: SimulatedWorld,
        _ sources: inout [Weak<EventSource>]
    ) throws {
        let kernel = world.kernel
        let count = kernel.draw(600)
        switch kind {
        case 0:
            // One way.
            world.start { await link.write(count, of: number, to: link.one) }
            world.start { await link.read(count, of: number, from: link.other) }
        case 1:
            // Both ways at once.
            let back = kernel.draw(600)
            world.start { await link.write(count, of: number, to: link.one) }
            world.start { await link.read(count, of: number, from: link.other) }
            world.start { await link.write(back, of: number + 100, to: link.other) }
            world.start { await link.read(back, of: number + 100, from: link.one) }
        case 2:
            let times = kernel.draw(8)
            world.start { await link.ask(times) }
            world.start { await link.answer() }
        case 3:
            // There and back.
            world.start { await link.write(count, of: number, to: link.one) }
            world.start { await link.read(count, of: number, from: link.one) }
            world.start { await link.echo() }
        default:
            // Over a second stream.
            let second = try SimulatedLink(in: world)
            sources += [Weak(second.one.source), Weak(second.other.source)]
            world.start { await link.write(count, of: number, to: link.one) }
            world.start { await link.copy(to: second) }
            second.isDownstream(of: link)
            world.start { await second.read(count, of: number, from: second.other) }
        }
    }

    struct Weak<Value: AnyObject> {
        weak var value: Value?
        init(_ value: Value) { self.value = value }
    }
}
