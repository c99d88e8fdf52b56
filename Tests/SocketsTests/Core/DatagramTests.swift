import Sockets
import Testing

@Suite("Datagram", .ownThread)
struct DatagramTests {
    @Test("Datagram.text replaces bytes that are not UTF-8 with U+FFFD")
    func text() {
        let datagram = Datagram(bytes: [0x68, 0xFF, 0x69], sender: .unnamed)
        #expect(datagram.text == "h\u{FFFD}i")
        #expect(!datagram.isTruncated)
    }

    @Test("Datagram.localAddress is nil by default and takes part in equality")
    func localAddress() {
        let address = SocketAddress.ipv4(.loopback, port: 7)
        let withAddress = Datagram(bytes: [], sender: .unnamed, localAddress: address)
        let withoutAddress = Datagram(bytes: [], sender: .unnamed)
        #expect(withAddress.localAddress == address)
        #expect(withoutAddress.localAddress == nil)
        #expect(withAddress != withoutAddress)
    }
}
