// A line server: one thread per client, and a file-like stream to read and write lines.
//
//     swift run LineServer [PORT [CLIENTS]]
//     swift run LineClient localhost 51423
import Foundation
import Sockets

let arguments = CommandLine.arguments.dropFirst()

/// Answers each line until the client ends the stream or is silent for a minute.
func serve(_ client: Socket) {
    let name = client.remoteAddress
    do {
        let stream = SocketStream(client)
        var count = 0
        while let line = try stream.readLine(timeout: .seconds(60)) {
            count += 1
            try stream.write("\(count): you said \"\(line)\"\n", timeout: .seconds(60))
            try stream.flush(timeout: .seconds(60))
        }
        print("\(name) left, lines: \(count)")
    } catch {
        print("\(name) failed: \(error)")
    }
    // Closing with unread bytes would reset the connection, and the client could lose the last answer.
    client.finish()
}

do {
    let port = try Port(parsing: arguments.first ?? "51423")
    let clients = arguments.dropFirst().first.flatMap { Int($0) } ?? .max
    let server = try Socket(on: .tcp(port: port))
    print("Listening on \(server.localAddress)")

    let threads = DispatchGroup()
    for _ in 0..<clients {
        let client = try server.accept()
        print("Got connection from \(client.remoteAddress)")
        threads.enter()
        Thread.detachNewThread {
            serve(client)
            threads.leave()
        }
    }
    threads.wait()
} catch {
    print(error)
}
