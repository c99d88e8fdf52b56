import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Netlink messages")
struct NetlinkMessageTests {
    /// A message as the kernel formats it.
    static func message(_ type: UInt16, flags: UInt16 = 2, _ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(word: UInt32(16 + body.count))
        bytes.append(half: type)
        bytes.append(half: flags)
        bytes.append(word: 1)
        bytes.append(word: 0)
        bytes += body
        while bytes.count % 4 != 0 { bytes.append(0) }
        return bytes
    }

    static func attribute(_ number: UInt16, _ value: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(half: UInt16(4 + value.count))
        bytes.append(half: number)
        bytes += value
        while bytes.count % 4 != 0 { bytes.append(0) }
        return bytes
    }

    @Test("a request starts with a header that contains the length")
    func request() {
        let bytes = NetlinkMessage.request([7, 8])
        #expect(bytes.count == 18)
        #expect(bytes[...].word(at: 0) == 18)
        #expect(bytes.suffix(2) == [7, 8])
    }

    @Test("the messages of a datagram are parsed at word-aligned offsets")
    func several() {
        let bytes = Self.message(20, [1, 2, 3]) + Self.message(3, [0, 0, 0, 0])
        let messages = NetlinkMessage.messages(in: bytes[...])
        #expect(messages.map(\.kind) == [.answer, .done])
        #expect(Array(messages[0].body) == [1, 2, 3])
    }

    @Test("an error message is parsed as a positive error number, or as EPROTO if truncated")
    func error() {
        var body: [UInt8] = []
        body.append(word: UInt32(bitPattern: -13))
        #expect(NetlinkMessage.messages(in: Self.message(2, body)[...]).map(\.kind) == [.error(13)])
        // A truncated error is an error too.
        #expect(NetlinkMessage.messages(in: Self.message(2, [1])[...]).map(\.kind) == [.error(71)])
        // The smallest number cannot be negated.
        body = [0, 0, 0, 0x80]
        #expect(
            NetlinkMessage.messages(in: Self.message(2, body)[...]).map(\.kind) == [.error(.min)])
    }

    @Test("isInterrupted is true for a message with the flag NLM_F_DUMP_INTR")
    func interrupted() {
        let messages = NetlinkMessage.messages(in: Self.message(20, flags: 0x12, [1])[...])
        #expect(messages.map(\.isInterrupted) == [true])
    }

    @Test("a truncated message or a message with a wrong length is ignored")
    func truncated() {
        let bytes = Self.message(20, [1, 2, 3, 4])
        for count in 0..<bytes.count {
            #expect(NetlinkMessage.messages(in: bytes[..<count]).isEmpty, "\(count)")
        }
        var liar = bytes
        liar[0] = 3
        #expect(NetlinkMessage.messages(in: liar[...]).isEmpty)
    }

    @Test("attributes(after:) returns the first value of each type and ignores flag bits")
    func attributes() throws {
        let body =
            [9, 9, 9, 9] + Self.attribute(5, [1]) + Self.attribute(0x8002, [2, 3])
            + Self.attribute(5, [7])
        let message = try #require(NetlinkMessage.messages(in: Self.message(20, body)[...]).first)
        let found = message.attributes(after: 4)
        #expect(found.keys.sorted() == [2, 5])
        #expect(found[5].map(Array.init) == [1])
        #expect(found[2].map(Array.init) == [2, 3])
        #expect(message.attributes(after: 4000).isEmpty)
    }

    @Test("an attribute whose length exceeds the message ends the list of attributes")
    func badAttribute() throws {
        let body = Self.attribute(1, [1]) + [2, 0, 9, 0]
        let message = try #require(NetlinkMessage.messages(in: Self.message(20, body)[...]).first)
        #expect(message.attributes(after: 0).keys.sorted() == [1])
    }

    @Test(
        "byte, half, word and long read at an offset in a slice, and return nil outside the slice")
    func numbers() {
        let bytes: ArraySlice<UInt8> = ([0xFF, 1, 0, 0, 0, 2, 0, 0, 0] as [UInt8])[1...]
        #expect(bytes.byte(at: 0) == 1)
        #expect(bytes.byte(at: 8) == nil)
        #expect(bytes.word(at: 4) == UInt32(littleEndian: 2))
        #expect(bytes.word(at: 5) == nil)
        #expect(bytes.long(at: 0) != nil)
        #expect(bytes.long(at: 1) == nil)
        #expect(bytes.half(at: -1) == nil)
    }
}
