import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ServerTaskTests {
    private struct Oops: Error {}

    @Test("it returns when its body does, which runs on as many loops as were asked for")
    func returns() throws {
        let loops = Monitor(0)
        try ServerTask().run(loops: 3) { group in loops.update { $0 = group.executors.count } }
        #expect(loops.update { $0 } == 3)
    }

    @Test("what the body throws is thrown")
    func throwing() {
        #expect(throws: Oops.self) { try ServerTask().run(loops: 1) { _ in throw Oops() } }
    }

    @Test("being told to stop cancels what runs")
    func stop() {
        let server = ServerTask()
        let isRunning = Monitor(false)
        Worker.start {
            try? server.run(loops: 1) { _ in
                isRunning.update { $0 = true }
                try await Task.sleep(for: .seconds(1000))
            }
        }
        isRunning.wait { $0 }
        server.stop()
        server.awaitEnd()
    }

    @Test("who was told to stop before it began is cancelled from the start")
    func early() throws {
        let server = ServerTask()
        server.stop()
        #expect(throws: CancellationError.self) {
            try server.run(loops: 1) { _ in try await Task.sleep(for: .seconds(1000)) }
        }
    }
}
