import Testing

@testable import Sockets

@Suite("Reply")
struct ReplyTests {
    @Test("a reply is text where that is wanted, and went whole unless it says otherwise")
    func text() {
        #expect(Reply(bytes: [0x68, 0x69, 0xFF]).text == "hi\u{FFFD}")
        #expect(Reply(bytes: []).unsentRequestBytes == 0)
    }
}
