// A UDP client: sends one datagram to a service and prints the replies that arrive in time.
//
//     swift run DatagramClient HOST SERVICE MESSAGE
//     swift run DatagramClient localhost daytime "What time is it?"
import Sockets

let arguments = CommandLine.arguments.dropFirst()
let host = arguments.first ?? "localhost"
let service = arguments.dropFirst().first ?? "daytime"
let message = arguments.dropFirst(2).first ?? "Hello"

do {
    // Connecting a UDP socket sends nothing. It sets the peer, so the kernel can report a refusal.
    let socket = try Socket(to: .udp(host, port: Port(parsing: service)))
    try socket.send(message)
    print("Sent \(message.debugDescription) to \(socket.remoteAddress)")
    print("UDP has no end of stream, so the client stops after 2 seconds of silence.")

    while true {
        let reply = try socket.receive(timeout: .seconds(2))
        print("Received \(String(decoding: reply, as: UTF8.self).debugDescription)")
    }
} catch {
    print(error.isTimeout ? "No more replies." : "\(error)")
}
