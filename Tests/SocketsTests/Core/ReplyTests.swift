import Testing

@testable import Sockets

@Suite("Reply")
struct ReplyTests {
    @Test("Reply.text replaces bytes that are not UTF-8, and unsentRequestBytes is 0 by default")
    func text() {
        #expect(Reply(bytes: [0x68, 0x69, 0xFF]).text == "hi\u{FFFD}")
        #expect(Reply(bytes: []).unsentRequestBytes == 0)
    }
}
