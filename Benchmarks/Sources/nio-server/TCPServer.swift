import Foundation
import NIOCore
import NIOPosix

/// Returns a TCP server with the options that all servers with SwiftNIO have: one event loop, a large
/// backlog, TCP_NODELAY and buffers of at most 64 KiB.
public func tcpServer() -> ServerBootstrap {
    ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        .serverChannelOption(.backlog, value: 4096)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 65536))
}

/// Prints the port of a server.
public func announce(_ server: any Channel) {
    FileHandle.standardOutput.write(Data("\(server.localAddress?.port ?? 0)\n".utf8))
}
