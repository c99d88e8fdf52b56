import Testing

@testable import Sockets

@Suite("SocketStream: lines", .ownThread)
struct SocketStreamLinesTests {
    private let peer: Socket
    private let stream: SocketStream

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        stream = SocketStream(other, bufferSize: 16, lineLimit: 20)
    }

    @Test("readLine accepts LF and CRLF and returns nil at end of stream")
    func lineEnds() throws {
        try peer.sendAll("one\ntwo\r\n\n\r\nt\rhree\n")
        peer.close()
        var lines: [String] = []
        while let line = try stream.readLine() { lines.append(line) }
        #expect(lines == ["one", "two", "", "", "t\rhree"])
        #expect(try stream.readLine() == nil)
    }

    @Test("readLine keeps the CR of a last line that has no line feed")
    func lastLine() throws {
        try peer.sendAll("whole\npart\r")
        peer.close()
        #expect(try stream.readLine() == "whole")
        #expect(try stream.readLine() == "part\r")
        #expect(try stream.readLine() == nil)
    }

    @Test("readLine joins a line that arrives byte by byte")
    func byteByByte() throws {
        let text = "slowly\r\nbut surely\n"
        let peer = peer
        let sending = Background { for byte in text.utf8 { try peer.sendAll([byte]) } }
        #expect(try stream.readLine() == "slowly")
        #expect(try stream.readLine() == "but surely")
        try sending.value()
    }

    @Test("readLine accepts a line of the maximum length before LF and before CRLF")
    func exactlyTheLimit() throws {
        let line = String(repeating: "x", count: 20)
        try peer.sendAll("\(line)\n\(line)\r\n")
        #expect(try stream.readLine() == line)
        #expect(try stream.readLine() == line)
    }

    @Test(
        "readLine throws `lineTooLong` beyond its limit and then returns the next line",
        arguments: [
            21, 22, 23, 40, 1000, 100_000,
        ])
    func beyondTheLimit(_ length: Int) throws {
        let peer = peer
        let sending = Background {
            try peer.sendAll(String(repeating: "x", count: length) + "\r\nnext\n")
        }
        let error = #expect(throws: SocketError.self) { try stream.readLine() }
        #expect(error?.cause == .lineTooLong(limit: 20))
        #expect(error?.description == "cannot read: the line is longer than 20 bytes")
        #expect(try stream.readLine() == "next")
        try sending.value()
    }

    @Test("a last line beyond the limit throws `lineTooLong` once, and then readLine returns nil")
    func lastLineBeyondTheLimit() throws {
        try peer.sendAll(String(repeating: "x", count: 21))
        peer.close()
        let error = #expect(throws: SocketError.self) { try stream.readLine() }
        #expect(error?.cause == .lineTooLong(limit: 20))
        #expect(try stream.readLine() == nil)
    }

    @Test("readExactly returns the rest of a line after readLine threw `lineTooLong`")
    func restOfALongLine() throws {
        try peer.sendAll(String(repeating: "x", count: 30))
        _ = #expect(throws: SocketError.self) { try stream.readLine() }
        try peer.sendAll("rest\nnext\n")
        var rest: [UInt8] = []
        while rest.last != 0x0A { rest += try stream.readExactly(1) }
        #expect(String(decoding: rest, as: UTF8.self).hasSuffix("rest\n"))
        #expect(try stream.readLine() == "next")
    }

    @Test("a timeout while readLine skips a long line does not lose the next line")
    func timeoutWhileSkipping() throws {
        try peer.sendAll(String(repeating: "x", count: 100))
        var error = #expect(throws: SocketError.self) { try stream.readLine() }
        #expect(error?.cause == .lineTooLong(limit: 20))
        error = #expect(throws: SocketError.self) {
            try stream.readLine(timeout: .milliseconds(10))
        }
        #expect(error?.isTimeout == true)
        try peer.sendAll("xx\nnext\n")
        #expect(try stream.readLine() == "next")
    }

    @Test("readLine replaces bytes that are not UTF-8 with U+FFFD")
    func invalidUTF8() throws {
        try peer.sendAll([0x61, 0xFF, 0x62, 0x0A])
        #expect(try stream.readLine() == "a\u{FFFD}b")
    }

    @Test("withLine passes the bytes of the line and returns the result of its body")
    func withLine() throws {
        try peer.sendAll("abc\r\n\nlast")
        peer.close()
        let first = try stream.withLine { line in line.byteCount }
        #expect(first == 3)
        #expect(try stream.withLine { $0.byteCount } == 0)
        let last = try stream.withLine { $0.withUnsafeBytes { Array($0) } }
        #expect(last == Array("last".utf8))
        #expect(try stream.withLine { $0.byteCount } == nil)
    }

    @Test("withLine consumes the line even if its body throws")
    func withLineThrows() throws {
        struct Refused: Error {}
        try peer.sendAll("one\ntwo\n")
        #expect(throws: Refused.self) { try stream.withLine { _ in throw Refused() } }
        #expect(try stream.readLine() == "two")
    }

    @Test("lineLimit limits lines and delimited messages, and negative values mean 0")
    func lineLimit() throws {
        #expect(stream.lineLimit == 20)
        stream.lineLimit = -1
        #expect(stream.lineLimit == 0)
        stream.lineLimit = 5
        try peer.sendAll("12345\r\n123456\nnext\n12345;")
        #expect(try stream.readLine() == "12345")
        var error = #expect(throws: SocketError.self) { try stream.readLine() }
        #expect(error?.cause == .lineTooLong(limit: 5))
        #expect(try stream.readLine() == "next")
        error = #expect(throws: SocketError.self) { try stream.readUntil(UInt8(ascii: ";")) }
        #expect(error?.cause == .tooLarge(limit: 5))
        stream.lineLimit = 6
        #expect(try stream.readUntil(";") == Array("12345;".utf8))
    }

    @Test("readLine inside withLine throws and leaves the line valid")
    func readInsideWithLine() throws {
        try peer.sendAll("one\n")
        try stream.withLine { line in
            let error = #expect(throws: SocketError.self) { try stream.readLine() }
            #expect(
                error?.description == "cannot read:"
                    + " a closure is using the received bytes: expected no other read until it ends"
            )
            #expect(line.byteCount == 3)
        }
        try peer.sendAll("two\n")
        #expect(try stream.readLine() == "two")
    }

    @Test("reads inside withLine throw after a second line was read there")
    func nestedWithLine() throws {
        try peer.sendAll("one\ntwo\n3\nrest")
        try stream.withLine { line in
            let second = try stream.readLine()
            #expect(second == "two")
            try stream.withLine { _ in }
            #expect(throws: SocketError.self) { try stream.readLine() }
            #expect(throws: SocketError.self) { try stream.read() }
            #expect(throws: SocketError.self) { try stream.readExactly(1) }
            let text = line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            #expect(text == "one")
        }
        #expect(try stream.read() == Array("rest".utf8))
    }
}
