import Testing

@testable import Sockets

@Suite("UnixAddress")
struct UnixAddressTests {
    @Test("a Unix path with non-ASCII characters keeps its bytes")
    func aPathKeepsItsBytes() throws {
        let address = try #require(UnixAddress(path: "/run/größe.sock"))
        #expect(address.kind == .path)
        #expect(address.bytes == Array("/run/größe.sock".utf8))
        #expect(address.path == "/run/größe.sock")
        #expect(address.description == "/run/größe.sock")
    }

    @Test("an abstract name has no path and prints after an at sign")
    func anAbstractNameIsShownAfterAnAtSign() throws {
        let address = try #require(UnixAddress(abstract: "name"))
        #expect(address.kind == .abstract)
        #expect(address.bytes == Array("name".utf8))
        #expect(address.path == nil)
        #expect(address.description == "@name")
    }

    @Test(
        "a name of 107 bytes is accepted, and a longer name is rejected instead of truncated",
        arguments: [UnixAddress.Kind.path, .abstract])
    func tooLongNamesAreRejected(kind: UnixAddress.Kind) {
        let longest = Array(repeating: UInt8(ascii: "a"), count: UnixAddress.maximumLength)
        let make = kind == .path ? UnixAddress.init(pathBytes:) : UnixAddress.init(abstractBytes:)
        #expect(make(longest)?.bytes == longest)
        #expect(make(longest + [0x61]) == nil)
        #expect(make(Array(repeating: 0x61, count: 100_000)) == nil)
    }

    @Test("the length limit of a path counts bytes, not characters")
    func theLengthCountsBytes() {
        #expect(UnixAddress(path: String(repeating: "é", count: 53))?.bytes.count == 106)
        #expect(UnixAddress(path: String(repeating: "é", count: 54)) == nil)
    }

    @Test("an empty path or abstract name is rejected")
    func emptyNameIsRejected() {
        #expect(UnixAddress(path: "") == nil)
        #expect(UnixAddress(abstract: "") == nil)
    }

    @Test("a NUL is rejected in a path and kept in an abstract name")
    func nulBytes() {
        #expect(UnixAddress(path: "/run/a\0b") == nil)
        #expect(UnixAddress(abstract: "a\0b")?.bytes == [0x61, 0, 0x62])
    }

    @Test("control characters and bytes that are not UTF-8 print as escapes")
    func unsafeBytesAreShownEscaped() {
        #expect(UnixAddress(pathBytes: [0x2F, 0x1B, 0xFF])?.description == "/\\x1b\\xff")
        #expect(UnixAddress(abstractBytes: [0, 0x61])?.description == "@\\x00a")
    }

    @Test("a path and an abstract name with the same bytes are not equal")
    func kindsAreDifferent() {
        #expect(UnixAddress(path: "a") != UnixAddress(abstract: "a"))
    }

    @Test("init(markedBytes:) reads a leading at sign as an abstract name and decodes no escapes")
    func markedText() {
        #expect(UnixAddress(markedBytes: Array("@a".utf8)) == UnixAddress(abstract: "a"))
        #expect(UnixAddress(markedBytes: Array("/a@b".utf8)) == UnixAddress(path: "/a@b"))
        #expect(UnixAddress(markedBytes: Array("\\x41".utf8)) == UnixAddress(path: "\\x41"))
        #expect(UnixAddress(markedBytes: Array("@".utf8)) == nil)
        #expect(UnixAddress(markedBytes: []) == nil)
    }
}
