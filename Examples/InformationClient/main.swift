// The information client: connects to a service of a host and reports each step.
//
//     swift run InformationClient www.example.com http
//
// `Socket(to:)` takes all of these steps in one call, and tries every address of the host.
import Sockets

let arguments = CommandLine.arguments.dropFirst()
let host = arguments.first ?? "localhost"
let service = arguments.dropFirst().first ?? "daytime"

/// Returns the address as Python prints it, such as ('127.0.0.1', 13).
func pair(_ address: SocketAddress) -> String {
    guard let ip = address.ip, let port = address.port else { return "\(address)" }
    return "('\(ip)', \(port))"
}

do {
    print("Creating socket...", terminator: " ")
    let socket = try Socket(.ipv4, .stream)
    print("done.")

    var port = try Port(parsing: service)
    if let name = port.service {
        print("Looking up port number...", terminator: " ")
        port = Port(try Services.port(named: name, transport: .tcp))
        print("done (\(port)).")
    }

    print("Connecting to remote host \(host) on port \(port)...", terminator: " ")
    let addresses = try Resolver.resolve(.tcp(host, port: port), family: .ipv4)
    try socket.connect(to: addresses[0], timeout: .seconds(10))
    print("done.")

    print("Connected from", pair(socket.localAddress))
    print("Connected to", pair(socket.remoteAddress))
} catch {
    print(error)
}
