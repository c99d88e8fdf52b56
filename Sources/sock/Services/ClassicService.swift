import Sockets

/// The classic small services, named as in their RFCs, and one service for tests.
enum ClassicService: String, CaseIterable {
    /// RFC 862: sends back what arrives.
    case echo
    /// RFC 863: drops what arrives.
    case discard
    /// RFC 867: sends the time of day as text.
    case daytime
    /// RFC 868: sends the seconds since 1900 as 32 bits.
    case time
    /// RFC 864: sends characters without end.
    case chargen
    /// Without an RFC: reads to the end and sends the number of bytes, as 8 bytes little-endian.
    case sink

    /// The ports of services that would answer our reply, which could start an endless exchange:
    /// echo, daytime, quote of the day, chargen and time.
    static let reflectingPorts: Set<UInt16> = [7, 13, 17, 19, 37]

    /// Returns the reply to a datagram, or nil if the service does not reply.
    ///
    /// The reply depends on the seconds since 1970 (`daytime`, `time`) and on the number of earlier
    /// replies, which shifts the characters of `chargen`.
    func reply(to datagram: [UInt8], seconds: Int, count: Int) -> [UInt8]? {
        switch self {
        case .echo: datagram
        case .discard: nil
        case .daytime: Daytime.text(seconds)
        case .time: Daytime.binary(seconds)
        case .chargen: CharacterGenerator.datagram(from: count)
        case .sink: Self.littleEndian(datagram.count)
        }
    }

    /// Serves one client until the client or the service ends the connection.
    func serve(_ client: Connection) async throws {
        switch self {
        case .echo:
            try await client.echo()
        case .discard:
            _ = try await Self.drain(client)
        case .daytime:
            try await Self.finish(client, Daytime.text(Environment.secondsSince1970))
        case .time:
            try await Self.finish(client, Daytime.binary(Environment.secondsSince1970))
        case .chargen:
            try await Self.generate(for: client)
        case .sink:
            try await Self.finish(client, Self.littleEndian(try await Self.drain(client)))
        }
    }

    /// Reads to the end of the stream and returns the number of bytes.
    private static func drain(_ client: Connection, timeout: TimeLimit = .never) async throws -> Int
    {
        var total = 0
        while let count = try await client.withReceived(timeout: timeout, { $0.byteCount }) {
            total += count
        }
        return total
    }

    /// Sends the whole reply, half-closes, and reads for up to 1 s.
    ///
    /// It reads because closing with unread bytes would reset the connection, and the client could
    /// lose the reply.
    private static func finish(_ client: Connection, _ reply: [UInt8]) async throws {
        try await client.write(reply)
        try client.shutdown(.write)
        let deadline = TimeLimit.until(.now.advanced(by: .seconds(1)))
        _ = try? await drain(client, timeout: deadline)
    }

    /// Sends characters until the client disconnects.
    ///
    /// It drops what the client sends, because otherwise a client that only writes would be
    /// blocked.
    private static func generate(for client: Connection) async throws {
        _ = try await client.duplex { client in
            try await drain(client)
        } writing: { client in
            while true { try await client.write(CharacterGenerator.cycle) }
        }
    }

    private static func littleEndian(_ count: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
    }
}
