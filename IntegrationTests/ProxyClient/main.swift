// Connects through proxies of other projects.
//
//     ProxyClient blocking|async TARGET PROXY...
//
// Connects to TARGET through each PROXY in order, such as socks5://localhost:1080. The word
// `environment` is the proxy of the environment. Sends a line, and prints what arrives until the end
// of the stream. Prints the error and exits with 1 if the connect fails.
import Glibc
import Sockets

let arguments = CommandLine.arguments
guard arguments.count > 3 else {
    fatalError("usage: ProxyClient blocking|async TARGET PROXY...")
}
do {
    let target = try Endpoint(parsing: arguments[2])
    let proxies = try arguments[3...].map {
        $0 == "environment" ? .fromEnvironment : try Proxy(parsing: $0)
    }
    let options = ConnectOptions(through: Proxy(proxies))
    let reply: [UInt8]
    switch arguments[1] {
    case "blocking":
        let stream = try SocketStream(to: target, options: options)
        try stream.write("hello\n")
        reply = try stream.readToEnd(timeout: .seconds(10))
    case "async":
        let connection = try await Connection(to: target, options: options)
        try await connection.write("hello\n")
        reply = try await connection.readToEnd(timeout: .seconds(10))
    default: fatalError("the first argument must be blocking or async")
    }
    print(String(decoding: reply, as: UTF8.self))
} catch {
    print(error)
    exit(1)
}
