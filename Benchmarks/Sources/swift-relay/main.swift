// swift-relay WAY PORT: a relay with one loop that connects each client to the server on PORT, with
// an idle timeout of 30 s. WAY is one of these:
//     copy       two calls of copy(to:)
//     join       one call of join
//     blocking   one call of join of SocketStream, on a thread for each client
//
// The main function is synchronous, and its thread only waits. The reason is that callgrind, the
// instruction counter of valgrind, cannot run a program whose main function is async.
import Foundation
import Sockets

let arguments = CommandLine.arguments
guard arguments.count == 3 else { fatalError("expected copy, join or blocking, and PORT") }
let server = SocketAddress.ipv4(.loopback, port: UInt16(arguments[2]) ?? 0)
let limit = TimeLimit.seconds(30)

func say(_ address: SocketAddress) {
    FileHandle.standardOutput.write(Data("\(address.port ?? 0)\n".utf8))
}

func serve(
    group: LoopGroup, _ forward: @escaping @Sendable (Connection, Connection) async throws -> Void
) async throws {
    let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), group: group)
    say(listener.localAddress)
    try await listener.serve(options: ServeOptions(idleTimeout: limit)) { client in
        let connection = try await Connection(to: server, group: group)
        connection.readTimeout = limit
        connection.writeTimeout = limit
        for end in [client, connection] { try end.setOption(.noDelay, to: true) }
        try await forward(client, connection)
    }
}

func serveOnThreads() throws {
    let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
    say(listener.localAddress)
    while true {
        let client = try listener.accept()
        Thread.detachNewThread {
            guard let socket = try? Socket(to: server) else { return }
            for end in [client, socket] { try? end.setOption(.noDelay, to: true) }
            _ = try? SocketStream(client).join(SocketStream(socket), idleTimeout: limit)
        }
    }
}

if arguments[1] == "blocking" { try serveOnThreads() }
let group = try LoopGroup(loops: 1)
let serving = Task(executorPreference: group.executors[0]) {
    switch arguments[1] {
    case "copy":
        try await serve(group: group) { client, connection in
            async let up = client.copy(to: connection)
            async let down = connection.copy(to: client)
            _ = try await up + down
        }
    case "join":
        try await serve(group: group) { client, connection in
            try await client.join(connection)
        }
    default:
        fatalError("expected copy, join or blocking")
    }
}
while true { pause() }
