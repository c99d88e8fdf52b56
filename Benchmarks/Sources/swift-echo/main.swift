// The library's blocking echo server with a thread per connection, a buffer of 64 KiB, TCP_NODELAY
// and the largest backlog. `--timeout` gives every call a time limit.
import Foundation
import Sockets

let limit: TimeLimit = CommandLine.arguments.contains("--timeout") ? .seconds(30) : .never
let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
FileHandle.standardOutput.write(Data("\(listener.localAddress.port ?? 0)\n".utf8))
while true {
    let client = try listener.accept()
    try client.setOption(.noDelay, to: true)
    Thread.detachNewThread { try? echo(client, timeout: limit) }
}

func echo(_ socket: Socket, timeout: TimeLimit) throws(SocketError) {
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        let count = try socket.receive(into: &bytes, timeout: timeout)
        if count == 0 { return }
        try socket.sendAll(buffer.span.bytes.extracting(first: count), timeout: timeout)
    }
}
