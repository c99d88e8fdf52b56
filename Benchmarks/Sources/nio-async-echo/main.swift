// SwiftNIO with NIOAsyncChannel and one event loop. The tasks run on Swift's default executor.
import Foundation
import NIOCore
import NIOPosix

typealias EchoChannel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
    .serverChannelOption(.backlog, value: 4096)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 65536)
    )
    .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture {
            try EchoChannel(wrappingChannelSynchronously: channel)
        }
    }
FileHandle.standardOutput.write(Data("\(server.channel.localAddress?.port ?? 0)\n".utf8))
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
