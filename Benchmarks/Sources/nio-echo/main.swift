// SwiftNIO with a ChannelHandler and one event loop. `--datagrams` echoes UDP.
import NIOCore
import NIOPosix
import NIOServer

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

let server: any Channel
if CommandLine.arguments.contains("--datagrams") {
    server = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
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
    server = try await tcpServer()
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Echo<ByteBuffer>())
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
}
announce(server)
try await server.closeFuture.get()
