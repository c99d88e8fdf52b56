// A line server: a thread for each caller, and a file-like stream to talk through.
//
//     swift run LineServer [PORT [CALLERS]]
//     swift run LineClient localhost 51423
import Foundation
import Sockets

let arguments = CommandLine.arguments.dropFirst()

/// Answers each line until the caller ends the stream, or is silent for a minute.
func serve(_ caller: Socket) {
    let name = caller.remoteAddress
    do {
        let stream = SocketStream(caller)
        var count = 0
        while let line = try stream.readLine(timeout: .seconds(60)) {
            count += 1
            try stream.write("\(count): you said \"\(line)\"\n", timeout: .seconds(60))
            try stream.flush(timeout: .seconds(60))
        }
        try stream.close()
        print("\(name) has gone after \(count) lines")
    } catch {
        print("\(name) is lost: \(error)")
    }
}

do {
    let port = try Port(parsing: arguments.first ?? "51423")
    let callers = arguments.dropFirst().first.flatMap { Int($0) } ?? .max
    let server = try Socket(on: .tcp(port: port))
    print("Listening on \(server.localAddress)")

    let threads = DispatchGroup()
    for _ in 0..<callers {
        let caller = try server.accept()
        print("Got connection from \(caller.remoteAddress)")
        threads.enter()
        Thread.detachNewThread {
            serve(caller)
            threads.leave()
        }
    }
    threads.wait()
} catch {
    print(error)
}
