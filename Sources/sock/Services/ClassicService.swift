import Sockets

/// The small services that every machine once had, by the names of their RFCs, and one for tests.
enum ClassicService: String, CaseIterable {
    /// RFC 862: what comes goes back.
    case echo
    /// RFC 863: what comes is dropped.
    case discard
    /// RFC 867: the time of day for people.
    case daytime
    /// RFC 868: the time of day for machines, 32 bits of seconds since 1900.
    case time
    /// RFC 864: characters without end.
    case chargen
    /// Not an RFC: reads to the end and answers how many bytes there were, 8 bytes little-endian.
    case sink

    /// The ports on which a service would answer our answer, and so on for ever: echo, daytime,
    /// quote of the day, chargen, time.
    static let reflectingPorts: Set<UInt16> = [7, 13, 17, 19, 37]

    /// The datagram that answers a datagram; nil is no answer.
    ///
    /// - Parameters:
    ///   - seconds: the time of day, since 1970.
    ///   - turn: counts the answers, so that the characters of `chargen` rotate.
    func answer(to datagram: [UInt8], seconds: Int, turn: Int) -> [UInt8]? {
        switch self {
        case .echo: datagram
        case .discard: nil
        case .daytime: Daytime.text(seconds)
        case .time: Daytime.binary(seconds)
        case .chargen: CharacterGenerator.datagram(turn)
        case .sink: Self.littleEndian(datagram.count)
        }
    }

    /// Serves one caller until he or the service has had enough.
    func serve(_ caller: Connection) async throws {
        switch self {
        case .echo:
            try await caller.echo()
        case .discard:
            _ = try await Self.drain(caller)
        case .daytime:
            try await Self.finish(caller, Daytime.text(Environment.secondsSince1970))
        case .time:
            try await Self.finish(caller, Daytime.binary(Environment.secondsSince1970))
        case .chargen:
            try await Self.generate(for: caller)
        case .sink:
            try await Self.finish(caller, Self.littleEndian(try await Self.drain(caller)))
        }
    }

    /// Reads to the end, and tells how many bytes there were.
    private static func drain(_ caller: Connection, timeout: TimeLimit = .never) async throws -> Int
    {
        var total = 0
        while let count = try await caller.withReceived(timeout: timeout, { $0.byteCount }) {
            total += count
        }
        return total
    }

    /// Sends the last words. Closing over bytes that were not read would reset the connection, and
    /// the words might be lost with it: so what is still coming is read for a moment.
    private static func finish(_ caller: Connection, _ words: [UInt8]) async throws {
        try await caller.write(words)
        try caller.shutdown(.write)
        let deadline = TimeLimit.until(.now.advanced(by: .seconds(1)))
        _ = try? await drain(caller, timeout: deadline)
    }

    /// Characters until the caller hangs up; what he sends is dropped, or he would wait for us.
    private static func generate(for caller: Connection) async throws {
        _ = try await caller.duplex { caller in
            try await drain(caller)
        } writing: { caller in
            while true { try await caller.write(CharacterGenerator.cycle) }
        }
    }

    private static func littleEndian(_ count: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
    }
}
