import Logging
import SystemPackage
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

    /// Serves a proxy to `upstream` while `body` runs with the proxy's address.
    private func withProxy(
        to upstream: SocketAddress, _ body: (SocketAddress) async throws -> Void
    ) async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve { client in
                let server = try await Connection(to: upstream)
                async let up = client.copy(to: server)
                async let down = server.copy(to: client)
                _ = try await up + down
            }
        }
        try await body(listener.localAddress)
        serving.cancel()
        try await serving.value
    }

    /// Reads to the end, and returns the bytes and the error.
    private func drain(_ socket: Socket) async throws -> (bytes: [UInt8], error: Errno?) {
        try await Background {
            var bytes: [UInt8] = []
            do throws(SocketError) {
                while try socket.receive(appendingTo: &bytes, timeout: .seconds(10)) > 0 {}
                return (bytes, nil)
            } catch {
                return (bytes, error.errno ?? .timedOut)
            }
        }.result()
    }

    private func reset(_ socket: Socket) throws {
        try socket.setOption(.linger, to: .zero)
        socket.close()
    }

    @Test("a proxy forwards a reset of either end as a reset", arguments: [true, false])
    func proxyResets(byClient: Bool) async throws {
        let upstream = try Socket(on: .tcp("127.0.0.1", port: 0))
        try await withProxy(to: upstream.localAddress) { proxy in
            for _ in 0..<20 {
                let client = try Socket(to: proxy)
                let server = try upstream.accept(timeout: .seconds(10))
                let (breaking, other) = byClient ? (client, server) : (server, client)
                try breaking.sendAll("last words")
                #expect(
                    try other.receive(atMost: 10, timeout: .seconds(10))
                        == Array("last words".utf8))
                try reset(breaking)
                #expect(try await drain(other).error == .connectionReset)
            }
        }
    }

    @Test("a proxy forwards a reset as a reset even if a write reports the reset first")
    func proxyResetsDuringWrites() async throws {
        let upstream = try Socket(on: .tcp("127.0.0.1", port: 0))
        try await withProxy(to: upstream.localAddress) { proxy in
            for _ in 0..<20 {
                let client = try Socket(to: proxy)
                let server = try upstream.accept(timeout: .seconds(10))
                let sending = Background {
                    while true { try client.sendAll([UInt8](repeating: 1, count: 10_000)) }
                }
                _ = try server.receive(timeout: .seconds(10))
                try server.sendAll("last words")
                try reset(server)
                let (bytes, error) = try await drain(client)
                #expect(error == .connectionReset)
                #expect(bytes.isEmpty || bytes == Array("last words".utf8))
                #expect(throws: SocketError.self) { try sending.value() }
            }
        }
    }

    @Test(
        "the errors of both copies of a proxy name the connection that broke",
        arguments: [true, false], [true, false])
    func proxyBlame(byClient: Bool, duringWrites: Bool) async throws {
        for _ in 0..<20 {
            let (client, frontEnd) = try Loopback.tcpPair()
            let (backEnd, server) = try Loopback.tcpPair()
            let (front, back) = (
                try Connection(adopting: frontEnd), try Connection(adopting: backEnd)
            )
            let up = Task { try await front.copy(to: back) }
            let down = Task { try await back.copy(to: front) }
            while !(front.isReading && back.isReading) { await Task.yield() }
            let (breaking, other) = byClient ? (client, server) : (server, client)
            let sending = Background {
                while duringWrites { try other.sendAll([UInt8](repeating: 1, count: 10_000)) }
            }
            if duringWrites {
                _ = try await Background { try breaking.receive(timeout: .seconds(10)) }.result()
            }
            try reset(breaking)
            let broken = byClient ? front : back
            for copy in [up, down] {
                let error = await #expect(throws: SocketError.self) { try await copy.value }
                #expect(error?.remoteAddress == broken.remoteAddress)
                #expect(error?.localAddress == broken.localAddress)
                #expect(error?.errno == .connectionReset || error?.errno == .brokenPipe)
                // Each copy says what it did with the connection that broke.
                let operation: SocketError.Operation =
                    (copy == up) == byClient ? .read : .write
                #expect(error?.operation == operation)
            }
            other.close()
            try? await sending.result()
        }
    }

    @Test(
        "a proxy logs a client's reset at the level debug, whichever copy is awaited first",
        arguments: [true, false], [true, false])
    func proxyLog(byClient: Bool, awaitsUpFirst: Bool) async throws {
        let upstream = try Socket(on: .tcp("127.0.0.1", port: 0))
        let recorder = LogRecorder()
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task { [address = upstream.localAddress] in
            try await listener.serve(options: .init(logger: recorder.logger)) { client in
                let server = try await Connection(to: address)
                async let up = client.copy(to: server)
                async let down = server.copy(to: client)
                _ = try await awaitsUpFirst ? up + down : down + up
            }
        }
        for _ in 0..<5 {
            let client = try Socket(to: listener.localAddress)
            let server = try upstream.accept(timeout: .seconds(10))
            try reset(byClient ? client : server)
            _ = try await drain(byClient ? server : client)
        }
        serving.cancel()
        try await serving.value
        #expect(recorder.messages.count == 5)
        for message in recorder.messages {
            #expect(message.level == (byClient ? .debug : .info))
            let error = message.metadata["error"]?.description ?? ""
            #expect(error.contains("\(upstream.localAddress):") == !byClient)
        }
    }

    @Test("a proxy forwards EOF as EOF even if a later write fails")
    func proxyEnds() async throws {
        let upstream = try Socket(on: .tcp("127.0.0.1", port: 0))
        try await withProxy(to: upstream.localAddress) { proxy in
            let client = try Socket(to: proxy)
            let server = try upstream.accept(timeout: .seconds(10))
            try server.sendAll("answer")
            try server.shutdown(.write)
            let (bytes, error) = try await drain(client)
            #expect(bytes == Array("answer".utf8))
            #expect(error == nil)
            client.close()
            #expect(try await drain(server).error == nil)
        }
    }

    @Test("a failed copy resets the other connection, whose calls then throw connectionAbort")
    func resetsOther() async throws {
        let (client, frontEnd) = try Loopback.tcpPair()
        let (backEnd, server) = try Loopback.tcpPair()
        let (front, back) = (
            try Connection(adopting: frontEnd), try Connection(adopting: backEnd)
        )
        let reading = Task { try await back.read() }
        while !back.isReading { await Task.yield() }
        try reset(client)
        let error = await #expect(throws: SocketError.self) { try await front.copy(to: back) }
        #expect(error?.errno == .connectionReset)
        #expect(error?.remoteAddress == front.remoteAddress)
        let read = await #expect(throws: SocketError.self) { try await reading.value }
        #expect(read?.errno == .connectionAbort)
        #expect(read?.remoteAddress == back.remoteAddress)
        // The reset is not one of the peer, whichever call meets it.
        let calls: [(Connection) async throws -> Void] = [
            { try await $0.write("x") }, { _ = try await $0.read() },
            { _ = try await $0.readLine() }, { _ = try await $0.exchange("x", reading: .line) },
        ]
        for call in calls {
            let error = await #expect(throws: SocketError.self) { try await call(back) }
            #expect(error?.errno == .connectionAbort)
        }
        #expect(try await drain(server).error == .connectionReset)
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
