// The library's blocking echo server: one thread per connection, a buffer of 64 KiB, TCP_NODELAY, the
// largest backlog. `--timeout` gives every call a time limit.
import Foundation
import Sockets

setvbuf(stdout, nil, _IOLBF, 0)
let limit: TimeLimit = CommandLine.arguments.contains("--timeout") ? .seconds(30) : .never
let listener = try Socket.listening(on: .tcp("127.0.0.1", port: 0))
print(listener.localAddress.port ?? 0)
while true {
    let caller = try listener.accept()
    try caller.setOption(.noDelay, to: true)
    Thread.detachNewThread { try? echo(caller, timeout: limit) }
}

func echo(_ socket: Socket, timeout: TimeLimit) throws(SocketError) {
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
        var bytes = buffer.mutableSpan.mutableBytes
        let count = try socket.receive(into: &bytes, timeout: timeout)
        if count == 0 { return }
        try socket.sendAll(buffer.span.bytes.extracting(first: count), timeout: timeout)
    }
}
