// SwiftNIO with a ChannelHandler and one event loop. `--datagrams` echoes UDP.
import Foundation
import NIOCore
import NIOPosix

/// Echoes each message, and flushes after reading all available messages.
final class Echo<Message: Sendable>: ChannelInboundHandler {
    typealias InboundIn = Message
    typealias OutboundOut = Message

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.write(data, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let server: any Channel
if CommandLine.arguments.contains("--datagrams") {
    server = try await DatagramBootstrap(group: group)
        .channelOption(.datagramVectorReadMessageCount, value: 64)
        .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 64 * 2048))
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    Echo<AddressedEnvelope<ByteBuffer>>())
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
} else {
    server = try await ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 4096)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 65536)
        )
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Echo<ByteBuffer>())
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
}
FileHandle.standardOutput.write(Data("\(server.localAddress?.port ?? 0)\n".utf8))
try await server.closeFuture.get()
