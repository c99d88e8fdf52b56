// The library's asynchronous echo server, one loop, as a user would write it: `serve` with an idle
// limit, so that deadlines and cancellation are armed. A word says how it echoes:
//     echo       Connection.echo()
//     loop       read into a buffer of the connection's own, and write
//     datagrams  UDP: for try await datagram in channel
//     lent       UDP: withReceived and reply
import Foundation
import Sockets

let way = CommandLine.arguments.dropFirst().first ?? "echo"
let group = try EventLoopGroup(loops: 1)
let here = Endpoint.tcp("127.0.0.1", port: 0)

func say(_ address: SocketAddress) {
    FileHandle.standardOutput.write(Data("\(address.port ?? 0)\n".utf8))
}

var files = rlimit()
getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
files.rlim_cur = files.rlim_max
setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)

switch way {
case "echo", "loop":
    let listener = try await Listener(on: here, group: group)
    say(listener.localAddress)
    let limits = ServeLimits(idle: .seconds(30))
    if way == "echo" {
        try await listener.serve(limits: limits) { connection in try await connection.echo() }
    } else {
        try await listener.serve(limits: limits) { connection in
            var buffer = [UInt8](repeating: 0, count: 64 * 1024)
            while true {
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                let count = try await connection.read(into: &bytes)
                if count == 0 { return }
                try await connection.write(buffer.span.bytes.extracting(first: count))
            }
        }
    }
case "datagrams", "lent":
    let channel = try await DatagramChannel(on: .udp("127.0.0.1", port: 0), group: group)
    say(channel.localAddress)
    let echoing = Task(executorPreference: group.loops[0]) {
        if way == "datagrams" {
            for try await datagram in channel {
                try await channel.send(datagram.bytes, to: datagram.sender)
            }
        } else {
            while true {
                _ = try await channel.withReceived { bytes, header in
                    try await channel.reply(to: header, with: bytes)
                }
            }
        }
    }
    try await echoing.value
default:
    fatalError("expected echo, loop, datagrams or lent")
}
