// A UDP server: it neither listens nor accepts. It sends each datagram back to its sender.
//
//     swift run DatagramServer [PORT [DATAGRAMS]]
//     swift run DatagramClient localhost 51423 "Hello"
import Sockets

let arguments = CommandLine.arguments.dropFirst()

do {
    let port = try Port(parsing: arguments.first ?? "51423")
    let datagrams = arguments.dropFirst().first.flatMap { Int($0) } ?? .max
    let socket = try Socket(on: .udp(port: port))
    print("Waiting for datagrams on \(socket.localAddress)")

    for _ in 0..<datagrams {
        let datagram = try socket.receiveFrom()
        // Escape control characters, because the text comes from an untrusted sender.
        let text = datagram.text.debugDescription
        print("\(datagram.sender) sent \(text)")
        // The reply leaves from the address that the client used.
        try socket.reply(to: datagram, with: datagram.bytes)
    }
} catch {
    print(error)
}
