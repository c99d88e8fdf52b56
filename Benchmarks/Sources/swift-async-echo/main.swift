// The library's async echo server with one loop, as a user would write it: `serve` with an idle
// timeout, so that deadlines and cancellation are armed. The argument selects how it echoes:
//     echo       Connection.echo()
//     loop       read into the connection's own buffer, and write
//     received   withReceived and write
//     sink       read a number of 8 bytes and as many bytes, and write the number back
//     source     read a number and write as many bytes
//     datagrams  UDP: for try await datagram in channel
//     lent       UDP: withReceived and reply
// A certificate and a key, in files, make the server use TLS.
//
// The main function is synchronous, and its thread only waits. The reason is that callgrind, the
// instruction counter of valgrind, cannot run a program whose main function is async.
import Foundation
import Sockets

func say(_ address: SocketAddress) {
    FileHandle.standardOutput.write(Data("\(address.port ?? 0)\n".utf8))
}

func serve(_ way: String, tls: TLSConfiguration?, group: LoopGroup) async throws {
    switch way {
    case "echo":
        try await listen(tls: tls, group: group) { connection in try await connection.echo() }
    case "loop":
        try await listen(tls: tls, group: group) { connection in
            var buffer = [UInt8](repeating: 0, count: 64 * 1024)
            while true {
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                let count = try await connection.read(into: &bytes)
                if count == 0 { return }
                try await connection.write(buffer.span.bytes.extracting(first: count))
            }
        }
    case "received":
        try await listen(tls: tls, group: group) { connection in
            var reply: [UInt8] = []
            while true {
                let count = try await connection.withReceived { bytes in
                    reply.removeAll(keepingCapacity: true)
                    bytes.withUnsafeBytes { reply.append(contentsOf: $0) }
                    return reply.count
                }
                guard count != nil else { return }
                try await connection.write(reply.span.bytes)
            }
        }
    case "sink":
        try await listen(tls: tls, group: group) { connection in
            while let request = await readRequest(connection) {
                var left = request
                while left > 0 {
                    let count = try await connection.withReceived { bytes in bytes.byteCount }
                    left -= count ?? left
                }
                try await connection.write(withUnsafeBytes(of: request.littleEndian, Array.init))
            }
        }
    case "source":
        let block = (0..<65536).map { UInt8(truncatingIfNeeded: $0) }
        try await listen(tls: tls, group: group) { connection in
            while var left = await readRequest(connection) {
                while left > 0 {
                    let count = min(left, block.count)
                    try await connection.write(block.span.bytes.extracting(first: count))
                    left -= count
                }
            }
        }
    case "datagrams":
        let channel = try await open(group: group)
        for try await datagram in channel {
            try await channel.send(datagram.bytes, to: datagram.sender)
        }
    case "lent":
        let channel = try await open(group: group)
        while true {
            _ = try await channel.withReceived { bytes, header in
                try await channel.reply(to: header, with: bytes)
            }
        }
    default:
        fatalError("expected echo, loop, received, sink, source, datagrams or lent")
    }
}

/// Returns the next number, or `nil` at the end of the stream.
func readRequest(_ connection: Connection) async -> Int? {
    guard let bytes = try? await connection.readExactly(8) else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
}

func listen(
    tls: TLSConfiguration?, group: LoopGroup,
    _ handler: @escaping @Sendable (Connection) async throws -> Void
) async throws {
    let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: tls, group: group)
    say(listener.localAddress)
    try await listener.serve(options: ServeOptions(idleTimeout: .seconds(30)), handler)
}

func open(group: LoopGroup) async throws -> DatagramChannel {
    let channel = try await DatagramChannel(on: .udp("127.0.0.1", port: 0), group: group)
    say(channel.localAddress)
    return channel
}

var files = rlimit()
getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
files.rlim_cur = files.rlim_max
setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)

let arguments = Array(CommandLine.arguments.dropFirst())
let way = arguments.first ?? "echo"
let tls =
    arguments.count == 3
    ? TLSConfiguration.server(
        try TLSIdentity(certificateFile: arguments[1], keyFile: arguments[2])) : nil
let group = try LoopGroup(loops: 1)
let serving = Task(executorPreference: group.executors[0]) {
    try await serve(way, tls: tls, group: group)
}
while true { pause() }
