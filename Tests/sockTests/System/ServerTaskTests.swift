import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ServerTaskTests {
    private struct BodyError: Error {}

    @Test("run passes the number of loops to its body and returns after the body")
    func returns() throws {
        let loops = Monitor(0)
        try ServerTask().run(loops: 3) { group in loops.update { $0 = group.executors.count } }
        #expect(loops.update { $0 } == 3)
    }

    @Test("run throws the error of its body")
    func throwing() {
        #expect(throws: BodyError.self) {
            try ServerTask().run(loops: 1) { _ in throw BodyError() }
        }
    }

    @Test("stop cancels a running body")
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
        server.waitUntilEnd()
    }

    @Test("stop before run cancels the body at once")
    func early() throws {
        let server = ServerTask()
        server.stop()
        #expect(throws: CancellationError.self) {
            try server.run(loops: 1) { _ in try await Task.sleep(for: .seconds(1000)) }
        }
    }
}
