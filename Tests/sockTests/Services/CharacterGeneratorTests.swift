import Testing

@testable import sock

@Suite(.ownThread)
struct CharacterGeneratorTests {
    @Test("a chargen line has 72 printable characters and CRLF, shifted by one per line")
    func lines() {
        #expect(CharacterGenerator.line(0).count == 74)
        #expect(String(decoding: CharacterGenerator.line(1).prefix(3), as: UTF8.self) == "!\"#")
        #expect(CharacterGenerator.line(0).suffix(2) == [13, 10])
        #expect(CharacterGenerator.line(95) == CharacterGenerator.line(0))
        #expect(CharacterGenerator.line(94).first == UInt8(ascii: "~"))
        #expect(CharacterGenerator.line(94)[1] == UInt8(ascii: " "))
    }

    @Test("CharacterGenerator.cycle contains ten repetitions of all 95 lines")
    func cycle() {
        #expect(CharacterGenerator.cycle.count == 95 * 74 * 10)
        #expect(Array(CharacterGenerator.cycle.prefix(74)) == CharacterGenerator.line(0))
        #expect(Array(CharacterGenerator.cycle.suffix(74)) == CharacterGenerator.line(94))
    }

    @Test(
        "a chargen datagram has whole lines and at most 512 bytes",
        arguments: [0, 1, 94, 1_000_000, .max])
    func datagrams(first: Int) {
        let datagram = CharacterGenerator.datagram(from: first)
        #expect(datagram.count <= 512)
        #expect(datagram.count % 74 == 0)
        #expect(!datagram.isEmpty)
    }
}
