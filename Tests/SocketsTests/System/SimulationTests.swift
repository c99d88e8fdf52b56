import Testing

@testable import Sockets

@Suite("Simulation")
struct SimulationTests {
    @Test("a simulated kernel is visible only to the calling thread and only during run")
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
