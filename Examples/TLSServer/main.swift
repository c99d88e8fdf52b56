// The echo server over TLS: sends back what each client sends, for all clients at once. Control-C ends it.
//
//     swift run TLSServer [PORT [CERTIFICATE KEY]]
//     openssl s_client -connect localhost:8443
//
// Without files, it creates a self-signed certificate for localhost, which no client trusts by default.
import Sockets

let arguments = Array(CommandLine.arguments.dropFirst())
let identity =
    arguments.count == 3
    ? try TLSIdentity(certificateFile: arguments[1], keyFile: arguments[2])
    : try TLSIdentity.selfSigned(for: "localhost")
let port = try Port(parsing: arguments.first ?? "8443")
let listener = try await Listener(on: .tcp(port: port), tls: .server(identity))
print("Listening on \(listener.localAddress)")

try await listener.serve { connection in try await connection.echo() }
