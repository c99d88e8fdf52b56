import Testing

@testable import Sockets

@Suite("Connection: echo, copy", .ownThread)
struct ConnectionCopyingTests {
    @Test(
        "echo returns all bytes to the sender, on and off an event loop", arguments: [true, false])
    func echoes(onLoop: Bool) async throws {
        let (here, there) = try Connection.pair()
        let message = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: onLoop ? there.source.loop : nil) {
                let count = try await there.echo()
                #expect(count == message.count)
                there.close()
            }
            group.addTask {
                try await here.write(message)
                try here.shutdown(.write)
            }
            var reply: [UInt8] = []
            while try await here.read(appendingTo: &reply) > 0 {}
            #expect(reply == message)
            try await group.waitForAll()
        }
    }

    @Test("a cancelled echo loses no bytes and reports the number of bytes sent")
    func cancelledEcho() async throws {
        let (here, there) = try Connection.pair()
        let echo = Task { try await there.echo() }
        // The client does not read, so the echo blocks with unsent bytes.
        var sent = 0
        do throws(SocketError) {
            while true {
                try await here.write(
                    [UInt8](repeating: 7, count: 65536), timeout: .milliseconds(300))
                sent += 65536
            }
        } catch {
            sent += error.bytesTransferred
        }
        echo.cancel()
        let result = await echo.result
        guard case .failure(let error as SocketError) = result else {
            Issue.record("expected an error")
            return
        }
        #expect(error.cause == .cancelled)
        try here.shutdown(.write)
        var returned = 0
        var rest = 0
        while case let count = try await there.read().count, count > 0 { rest += count }
        there.close()
        while case let count = try await here.read().count, count > 0 { returned += count }
        #expect(returned == error.bytesTransferred)
        #expect(returned + rest == sent)
    }

    @Test("copy forwards all bytes and half-closes the other connection at end of stream")
    func copies() async throws {
        let (client, front) = try Connection.pair()
        let (back, server) = try Connection.pair()
        try await client.write("hello")
        try client.shutdown(.write)
        #expect(try await front.copy(to: back) == 5)
        #expect(try await server.read() == Array("hello".utf8))
        #expect(try await server.read().isEmpty)
    }
}
