// A line client: sends each line of its input, and prints the line that the server sends back.
//
//     swift run LineClient localhost 51423
//
// With a reply per request, at most one line waits in a buffer, so client and server cannot deadlock.
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
            print("The server closed the connection")
            break
        }
        print(reply)
    }
    try stream.close()
} catch {
    print(error)
}
