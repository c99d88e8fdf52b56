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
    /// Not from an RFC: reads until EOF and then sends the number of received bytes, in 8 bytes,
    /// little-endian.
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

    /// Serves one client until the client or the service has sent everything.
    ///
    /// The caller must finish the connection, as `Listener.serve` does, because closing it with
    /// unread bytes would reset it, and the client could lose the reply.
    func serve(_ client: Connection) async throws {
        switch self {
        case .echo:
            try await client.echo()
        case .discard:
            _ = try await Self.drain(client)
        case .daytime:
            try await client.write(Daytime.text(Environment.secondsSince1970))
        case .time:
            try await client.write(Daytime.binary(Environment.secondsSince1970))
        case .chargen:
            try await Self.generate(for: client)
        case .sink:
            try await client.write(Self.littleEndian(try await Self.drain(client)))
        }
    }

    /// Reads to the end of the stream and returns the number of bytes.
    private static func drain(_ client: Connection) async throws -> Int {
        var total = 0
        while let count = try await client.withReceived({ $0.byteCount }) {
            total += count
        }
        return total
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
