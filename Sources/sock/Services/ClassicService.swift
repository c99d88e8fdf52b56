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
    func answer(to datagram: ArraySlice<UInt8>, seconds: Int, turn: Int) -> [UInt8]? {
        switch self {
        case .echo: Array(datagram)
        case .discard: nil
        case .daytime: Daytime.text(seconds)
        case .time: Daytime.binary(seconds)
        case .chargen: CharacterGenerator.datagram(turn)
        case .sink: Self.littleEndian(datagram.count)
        }
    }

    /// Serves one caller until he or the service has had enough.
    func serve(_ caller: Socket) throws(SocketError) {
        switch self {
        case .echo:
            try Self.eachPiece(from: caller) { piece throws(SocketError) in
                try caller.sendAll(piece.span.bytes)
            }
        case .discard:
            try Self.eachPiece(from: caller) { _ in }
        case .daytime:
            try Self.finish(caller, Daytime.text(Environment.secondsSince1970))
        case .time:
            try Self.finish(caller, Daytime.binary(Environment.secondsSince1970))
        case .chargen:
            try Self.generate(for: caller)
        case .sink:
            var count = 0
            try Self.eachPiece(from: caller) { count += $0.count }
            try Self.finish(caller, Self.littleEndian(count))
        }
    }

    private static func eachPiece(
        from caller: Socket, _ body: (ArraySlice<UInt8>) throws(SocketError) -> Void
    ) throws(SocketError) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try receive(from: caller, &buffer)
            if count == 0 { return }
            try body(buffer[..<count])
        }
    }

    private static func receive(
        from caller: Socket, _ buffer: inout [UInt8], timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        return try caller.receive(into: &bytes, timeout: timeout)
    }

    /// Sends the last words. Closing over bytes that were not read would reset the connection, and
    /// the words might be lost with it: so what is still coming is read for a moment.
    private static func finish(_ caller: Socket, _ words: [UInt8]) throws(SocketError) {
        try caller.sendAll(words)
        try caller.shutdown(.writing)
        let deadline = TimeLimit.until(.now.advanced(by: .seconds(1)))
        var buffer = [UInt8](repeating: 0, count: 4096)
        while let count = try? receive(from: caller, &buffer, timeout: deadline), count > 0 {}
    }

    /// Characters until the caller hangs up; what he sends is dropped, or he would wait for us.
    private static func generate(for caller: Socket) throws(SocketError) {
        var dropped = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            try caller.sendAll(CharacterGenerator.cycle)
            _ = try? receive(from: caller, &dropped, timeout: .milliseconds(0))
        }
    }

    private static func littleEndian(_ count: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
    }
}
