// A line client over TLS: prints what the handshake negotiated, sends each line of its input, and prints
// the line that the server sends back.
//
//     swift run TLSClient localhost 8443 CERTIFICATES
//
// CERTIFICATES is a file of trusted certificates; without it, the system's are trusted.
import Sockets

let arguments = Array(CommandLine.arguments.dropFirst())
let host = arguments.first ?? "localhost"
let service = arguments.dropFirst().first ?? "8443"

do {
    let trust = arguments.count > 2 ? try TLSTrust(file: arguments[2]) : .system
    let endpoint = Endpoint.tcp(host, port: try Port(parsing: service))
    let stream = try SocketStream(to: endpoint, tls: .client(trust: trust))
    if let tls = stream.tls {
        print("Connected with \(tls.version) and \(tls.cipher)")
        print("The server is \(tls.peerCertificate?.subject ?? "unknown")")
    }

    while let line = readLine() {
        try stream.write(line + "\n")
        try stream.flush(timeout: .seconds(10))
        guard let reply = try stream.readLine(timeout: .seconds(10)) else { break }
        print(reply)
    }
    try stream.close()
} catch {
    print(error)
}
