// A client for RESP, the protocol of Redis: sends each line of its input as a command, and prints the reply.
//
//     swift run RespClient localhost 6379
//
// A reply is consumed as a whole or not at all, so after a timeout, the client waits for the rest of the same reply.
// With readLine and then readExactly, a timeout of the second read would lose the first line of the reply.
import Sockets

struct NotRESP: Error {}

/// Parses the reply at the start of `bytes`.
///
/// Returns the index after the reply and its text, or `nil` if more bytes must arrive.
func parseReply(
    _ bytes: ArraySlice<UInt8>, depth: Int = 0
) throws -> (consumed: Int, value: String)? {
    guard let lineEnd = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let line = String(decoding: bytes[..<lineEnd].dropFirst().dropLast(), as: UTF8.self)
    let next = lineEnd + 1
    switch bytes.first {
    case UInt8(ascii: "+"), UInt8(ascii: ":"): return (next, line)
    case UInt8(ascii: "-"): return (next, "error: \(line)")
    case UInt8(ascii: "$"):
        guard let count = Int(line), count >= 0 else { return (next, "nil") }
        guard count <= bytes.endIndex - next - 2 else { return nil }
        return (next + count + 2, String(decoding: bytes[next..<next + count], as: UTF8.self))
    case UInt8(ascii: "*"):
        guard depth < 8, let count = Int(line) else { throw NotRESP() }
        var (items, end): ([String], Int) = ([], next)
        while items.count < count {
            guard let item = try parseReply(bytes[end...], depth: depth + 1) else { return nil }
            items.append(item.value)
            end = item.consumed
        }
        return (end, "[\(items.joined(separator: ", "))]")
    default: throw NotRESP()
    }
}

let arguments = CommandLine.arguments.dropFirst()
let port = try Port(parsing: arguments.dropFirst().first ?? "6379")
let connection = try await Connection(to: .tcp(arguments.first ?? "localhost", port: port))
commands: while let command = readLine() {
    let words = command.split(separator: " ").map { "$\($0.utf8.count)\r\n\($0)\r\n" }
    try await connection.write("*\(words.count)\r\n\(words.joined())")
    while true {
        do {
            let reply = try await connection.read(timeout: .milliseconds(200)) { bytes in
                try parseReply(bytes.withUnsafeBytes { ArraySlice($0) })
            }
            print(reply ?? "The server closed the connection")
            if reply == nil { break commands } else { continue commands }
        } catch SocketError.timedOut {
            print("Still waiting")
        }
    }
}
