import Testing

@testable import Sockets

@Suite("withDatagramChannel", .ownThread)
struct DatagramChannelScopeTests {
    struct Oops: Error {}

    @Test("the closures exchange datagrams, and both channels are closed afterwards")
    func exchange() async throws {
        let channels = try await withDatagramChannel(on: Loopback.ipv4) { server in
            let client = try await withDatagramChannel(to: server.localAddress) { client in
                try await client.send("ping")
                let request = try await server.receive(timeout: .seconds(20))
                try await server.reply(to: request, with: "pong")
                #expect(try await client.receive(timeout: .seconds(20)).text == "pong")
                return client
            }
            #expect(client.isClosed)
            return [client, server]
        }
        #expect(channels.allSatisfy { $0.isClosed })
    }

    @Test("endpoints are resolved")
    func endpoints() async throws {
        try await withDatagramChannel(on: .udp("127.0.0.1", port: 0)) { server in
            let port = Port(server.localAddress.port ?? 0)
            try await withDatagramChannel(to: .udp("127.0.0.1", port: port)) {
                try await $0.send("x")
            }
            #expect(try await server.receive(timeout: .seconds(20)).text == "x")
        }
    }

    @Test("the closure's error is thrown")
    func failure() async {
        await #expect(throws: Oops.self) {
            try await withDatagramChannel(on: Loopback.ipv4) { _ in throw Oops() }
        }
    }

    @Test("a cancellation ends the receive of the scope's task and closes the channel")
    func cancellation() async throws {
        let (channels, started) = AsyncStream.makeStream(of: DatagramChannel.self)
        let task = Task {
            try await withDatagramChannel(on: Loopback.ipv4) { channel in
                started.yield(channel)
                _ = try await channel.receive(timeout: .seconds(20))
            }
        }
        let channel = try #require(await channels.first { _ in true })
        task.cancel()
        let error = await #expect(throws: SocketError.self) { try await task.value }
        #expect(error?.cause == .cancelled || error?.cause == .closed)
        #expect(channel.isClosed)
    }
}
