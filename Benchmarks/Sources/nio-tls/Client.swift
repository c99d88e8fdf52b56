import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Sends standard input to a server on the loopback, half-closes, and prints what it receives.
func runClient(port: Int, trusting certificateFile: String) async throws {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(certificateFile)
    let tls = try NIOSSLContext(configuration: configuration)
    let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        .channelOption(.allowRemoteHalfClosure, value: true)
        .connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = try NIOSSLClientHandler(context: tls, serverHostname: "localhost")
                try channel.pipeline.syncOperations.addHandler(handler)
                return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(isOutboundHalfClosureEnabled: true))
            }
        }
    let input = try FileHandle.standardInput.readToEnd() ?? Data()
    try await client.executeThenClose { inbound, outbound in
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for start in stride(from: 0, to: input.count, by: 65536) {
                    let end = min(start + 65536, input.count)
                    try await outbound.write(ByteBuffer(bytes: input[start..<end]))
                }
                outbound.finish()
            }
            for try await bytes in inbound {
                try FileHandle.standardOutput.write(contentsOf: Data(bytes.readableBytesView))
            }
            try await group.waitForAll()
        }
    }
}
