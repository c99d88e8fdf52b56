import Logging
import Synchronization
import Testing

@testable import Sockets

@Suite("Serving")
struct ListenerServingTests {
    @Test("what a caller sends comes back, and the handler's return closes the connection")
    func echo() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task { try await listener.serve { try await $0.echoForTests() } }
        let reply = try await Background {
            let client = try Socket.connected(to: listener.localAddress)
            try client.sendAll("hello")
            try client.shutdown(.writing)
            return try SocketStream(client).readToEnd(timeout: .seconds(10))
        }.result()
        #expect(reply == Array("hello".utf8))
        serving.cancel()
        try await serving.value
        #expect(listener.isClosed)
    }
}
