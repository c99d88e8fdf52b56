import Sockets
import Testing

@Suite("Datagram")
struct DatagramTests {
    @Test("the text of a datagram replaces what is not UTF-8")
    func text() {
        let datagram = Datagram(bytes: [0x68, 0xFF, 0x69], sender: .unnamed)
        #expect(datagram.text == "h\u{FFFD}i")
        #expect(!datagram.isTruncated)
    }
}
