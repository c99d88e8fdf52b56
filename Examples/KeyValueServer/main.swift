// A server whose protocol is written once, for TCP and for standard input and output.
//
//     swift run KeyValueServer 51423
//     printf 'SET a 2\nhiGET a\n' | swift run KeyValueServer - | cat
//
// KeyValueProtocol.swift does not know what it runs on, so its tests need no socket. Control-C ends the server.
import Sockets

let port = CommandLine.arguments.dropFirst().first ?? "51423"
if port == "-" {
    // A stream closes its descriptor, so it gets a duplicate.
    try await serveKeyValues(
        DescriptorStream(adopting: FileDescriptor.standardInput.duplicate()),
        DescriptorStream(adopting: FileDescriptor.standardOutput.duplicate()))
} else {
    let listener = try await Listener(on: .tcp(port: try Port(parsing: port)))
    print("Listening on \(listener.localAddress)")
    try await listener.serve { client in try await serveKeyValues(client, client) }
}
