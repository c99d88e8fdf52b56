// SwiftNIO with a ChannelHandler, NIOSSL and one event loop.
//     nio-tls echo|sink|source CERTIFICATE KEY
//     nio-tls connect PORT CERTIFICATE
// `echo` sends back what it receives. `sink` receives a number of 8 bytes and then as many bytes, and
// sends the number back. `source` receives a number and sends as many bytes. `connect` is a client, for
// IntegrationTests/tls-peers.
import Foundation
import NIOCore
import NIOServer
import NIOSSL

/// Echoes each message, and flushes after reading all available messages.
final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

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

/// Receives the requested number of bytes and confirms it.
final class Sink: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var request: ByteBuffer?
    private var left = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if left == 0 {
            request = bytes.readSlice(length: 8)
            left =
                request?.getInteger(at: request!.readerIndex, endianness: .little, as: Int.self)
                ?? 0
        }
        left -= bytes.readableBytes
        if left == 0, let request { context.writeAndFlush(wrapOutboundOut(request), promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// Sends the requested number of bytes while the channel is writable.
final class Source: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let block = ByteBuffer(bytes: (0..<65536).map { UInt8(truncatingIfNeeded: $0) })
    private var left = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var request = unwrapInboundIn(data)
        left = request.readInteger(endianness: .little, as: Int.self) ?? 0
        send(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { send(context) }

    private func send(_ context: ChannelHandlerContext) {
        while left > 0, context.channel.isWritable {
            let count = min(left, block.readableBytes)
            left -= count
            let bytes = block.getSlice(at: 0, length: count)!
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 4 else {
    fatalError("expected echo|sink|source CERTIFICATE KEY, or connect PORT CERTIFICATE")
}
let way = arguments[1]
if way == "connect" {
    guard let port = Int(arguments[2]) else { fatalError("expected a port") }
    try await runClient(port: port, trusting: arguments[3])
    exit(0)
}
let tls = try NIOSSLContext(
    configuration: .makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMFile(arguments[2]).map {
            .certificate($0)
        },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: arguments[3], format: .pem))))
let server = try await tcpServer()
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(NIOSSLServerHandler(context: tls))
            switch way {
            case "sink": try pipeline.addHandler(Sink())
            case "source": try pipeline.addHandler(Source())
            default: try pipeline.addHandler(Echo())
            }
        }
    }
    .bind(host: "127.0.0.1", port: 0).get()
announce(server)
try await server.closeFuture.get()
