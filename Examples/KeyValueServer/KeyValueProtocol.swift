import Sockets

/// Serves a small protocol on any stream: a connection, a pipe, a terminal, or a stream in memory.
///
/// `SET key length` is followed by the value. `GET key` is answered with `VALUE length` and the value.
func serveKeyValues(
    _ input: some ByteReader & Sendable, _ output: some ByteWriter & Sendable
) async throws {
    var values: [String: [UInt8]] = [:]
    while let line = try await input.readLine() {
        let words = line.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("SET", 3):
            guard let length = Int(words[2]), 0...65536 ~= length else {
                try await output.write("ERROR the length must be 0 to 65536\n")
                return
            }
            values[words[1]] = try await input.readExactly(length)
            try await output.write("STORED\n")
        case ("GET", 2):
            guard let value = values[words[1]] else {
                try await output.write("NONE\n")
                continue
            }
            try await output.write(Array("VALUE \(value.count)\n".utf8) + value)
        default:
            try await output.write("ERROR expected SET key length or GET key\n")
        }
    }
}
