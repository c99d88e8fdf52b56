// A line client: sends each line of its input, and prints the line that comes back.
//
//     swift run LineClient localhost 51423
//
// A reply per request: at no time does more than a line wait in a buffer, so nothing can deadlock.
import Sockets

let arguments = CommandLine.arguments.dropFirst()
let host = arguments.first ?? "localhost"
let service = arguments.dropFirst().first ?? "51423"

do {
    let stream = try SocketStream(to: .tcp(host, port: Port(parsing: service)))
    print("Connected to \(stream.socket.remoteAddress)")

    while let line = readLine() {
        try stream.write(line + "\n")
        try stream.flush(timeout: .seconds(10))
        guard let reply = try stream.readLine(timeout: .seconds(10)) else {
            print("The server has ended the conversation")
            break
        }
        print(reply)
    }
    try stream.close()
} catch {
    print(error)
}
