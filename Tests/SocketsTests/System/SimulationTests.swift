import Testing

@testable import Sockets

@Suite("A simulated kernel")
struct SimulationTests {
    @Test("the calling thread, and no other, talks to it, and only as long as it is there")
    func scope() throws {
        let kernel = InMemoryKernel(seed: 1)
        try Simulation.run(on: kernel) {
            #expect(Simulation.kernel === kernel)
            #expect(System.continuousNanoseconds() == kernel.nanoseconds)
            let other = try Background { Simulation.kernel == nil }.value()
            #expect(other)
        }
        #expect(Simulation.kernel == nil)
    }
}
