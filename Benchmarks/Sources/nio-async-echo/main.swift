// SwiftNIO with NIOAsyncChannel and one event loop. The tasks run on Swift's default executor.
import NIOCore
import NIOServer

typealias EchoChannel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

let server = try await tcpServer()
    .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture {
            try EchoChannel(wrappingChannelSynchronously: channel)
        }
    }
announce(server.channel)
try await withThrowingDiscardingTaskGroup { group in
    try await server.executeThenClose { clients in
        for try await client in clients {
            group.addTask {
                try? await client.executeThenClose { incoming, outgoing in
                    for try await bytes in incoming { try await outgoing.write(bytes) }
                }
            }
        }
    }
}
