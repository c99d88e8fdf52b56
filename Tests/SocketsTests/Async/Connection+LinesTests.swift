import Testing

@testable import Sockets

@Suite("Connection: lines", .ownThread)
struct ConnectionLinesTests {
    private struct Refusal: Error {}
    private let peer: Connection
    private let connection: Connection

    init() throws { (peer, connection) = try Connection.pair() }

    @Test("lines end with LF, CRLF or the end of the stream, and may be empty")
    func lineEnds() async throws {
        try await peer.write("one\ntwo\r\n\n\r\nt\rhree\npart\r")
        peer.close()
        var lines: [String] = []
        for try await line in connection.lines { lines.append(line) }
        #expect(lines == ["one", "two", "", "", "t\rhree", "part\r"])
        #expect(try await connection.readLine() == nil)
    }

    @Test("byteLines yields the bytes of a line, even if the line is not UTF-8")
    func bytes() async throws {
        try await peer.write([0xFF, 0x0A, 0xFE, 0x0D, 0x0A])
        peer.close()
        var lines: [[UInt8]] = []
        for try await line in connection.byteLines { lines.append(line) }
        #expect(lines == [[0xFF], [0xFE]])
    }

    @Test("breaking out of a loop over lines loses no bytes")
    func leaving() async throws {
        try await peer.write("one\ntwo\nthree\nfour")
        peer.close()
        for try await line in connection.lines where line == "two" { break }
        #expect(try await connection.readExactly(3) == Array("thr".utf8))
        #expect(try await connection.readLine() == "ee")
        #expect(try await connection.readLine() == "four")
    }

    @Test(
        "readLine joins a line that arrives byte by byte, on and off an event loop",
        arguments: [
            true, false,
        ])
    func byteByByte(onLoop: Bool) async throws {
        let (peer, connection) = (peer, connection)
        let reading = Task(executorPreference: onLoop ? connection.source.loop : nil) {
            [try await connection.readLine(), try await connection.readLine()]
        }
        for byte in "slowly\r\nbut surely\n".utf8 { try await peer.write([byte]) }
        #expect(try await reading.value == ["slowly", "but surely"])
    }

    @Test("readLine throws `lineTooLong` beyond its limit and then returns the next line")
    func beyondTheLimit() async throws {
        let peer = peer
        let writing = Task {
            try await peer.write(String(repeating: "x", count: 200_000) + "\r\nnext\n")
        }
        let error = await #expect(throws: SocketError.self) { try await connection.readLine() }
        #expect(error?.cause == .lineTooLong(limit: 65536))
        #expect(try await connection.readLine() == "next")
        try await writing.value
    }

    @Test("lineLimit limits lines and delimited messages, and negative values mean 0")
    func lineLimit() async throws {
        #expect(connection.lineLimit == 65536)
        connection.lineLimit = -1
        #expect(connection.lineLimit == 0)
        connection.lineLimit = 5
        try await peer.write("12345\r\n123456\nnext\n12345;")
        #expect(try await connection.readLine() == "12345")
        var error = await #expect(throws: SocketError.self) { try await connection.readLine() }
        #expect(error?.cause == .lineTooLong(limit: 5))
        #expect(try await connection.readLine() == "next")
        error = await #expect(throws: SocketError.self) {
            try await connection.readUntil(UInt8(ascii: ";"))
        }
        #expect(error?.cause == .tooLarge(limit: 5))
        error = await #expect(throws: SocketError.self) {
            try await connection.exchange("?", reading: .until(";"))
        }
        #expect(error?.cause == .tooLarge(limit: 5))
        connection.lineLimit = 6
        #expect(try await connection.readUntil(";") == Array("12345;".utf8))
    }

    @Test("readLine returns the whole line after an earlier timeout")
    func timeout() async throws {
        try await peer.write("half")
        let error = await #expect(throws: SocketError.self) {
            try await connection.readLine(timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        try await peer.write(" a line\n")
        #expect(try await connection.readLine() == "half a line")
    }

    @Test("read returns the part of a line that arrived before a readLine timeout")
    func timeoutThenRead() async throws {
        try await peer.write("half")
        _ = await #expect(throws: SocketError.self) {
            try await connection.readLine(timeout: .milliseconds(20))
        }
        #expect(try await connection.read() == Array("half".utf8))
        try await peer.write("x\n")
        #expect(try await connection.readLine() == "x")
    }

    @Test("withLine consumes the line even if the body throws")
    func throwingBody() async throws {
        try await peer.write("one\ntwo\n")
        await #expect(throws: Refusal.self) {
            try await connection.withLine { _ in throw Refusal() }
        }
        let line = try await connection.withLine { $0.withUnsafeBytes { [UInt8]($0) } }
        #expect(line == Array("two".utf8))
    }

    @Test("reading a line inside the body of withLine throws `busy`")
    func busy() async throws {
        try await peer.write("one\ntwo\n")
        try await connection.withLine { _ in
            let error = #expect(throws: SocketError.self) {
                _ = try connection.bufferedLine()
            }
            #expect(error?.cause == .busy)
        }
    }

    @Test("readLine on a closed connection throws `closed` even if a line is buffered")
    func closed() async throws {
        try await peer.write("one\ntwo\n")
        #expect(try await connection.readLine() == "one")
        connection.close()
        let error = await #expect(throws: SocketError.self) { try await connection.readLine() }
        #expect(error?.cause == .closed)
    }
}
