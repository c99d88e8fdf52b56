import SystemPackage
import Testing

@testable import Sockets

@Suite("DescriptorMessage")
struct DescriptorMessageTests {
    private func objection(
        _ count: Int, bytes: Int = 1, _ family: AddressFamily = .unix,
        _ type: SocketType = .stream, usesTLS: Bool = false
    ) -> SocketError.Cause? {
        DescriptorMessage.objection(
            to: Array(repeating: .standardInput, count: count), with: bytes, family, type,
            usesTLS: usesTLS)
    }

    @Test("1 to 253 descriptors can be sent with a byte, and with an empty datagram")
    func allowed() {
        #expect(objection(1) == nil)
        #expect(objection(253) == nil)
        #expect(objection(1, bytes: 0, .unix, .datagram) == nil)
        #expect(objection(1, bytes: 0, .unix, .sequencedPacket) == nil)
        #expect(objection(0, bytes: 0) == nil)
    }

    @Test("another family, TLS, an empty stream message and too many descriptors are refused")
    func refused() {
        let texts = [
            objection(1, bytes: 1, .ipv6): "the socket's family is IPv6: expected a Unix socket",
            objection(1, bytes: 1, usesTLS: true):
                "the socket uses TLS, which cannot transfer descriptors",
            objection(1, bytes: 0): "a stream can send descriptors only with at least one byte",
            objection(254): "there are 254 descriptors: a message can have at most 253",
        ]
        for (cause, text) in texts { #expect(cause == .invalidInput(text)) }
    }

    @Test("a message without descriptors returns none")
    func withoutDescriptors() {
        var message = DescriptorMessage(bytes: [1])
        #expect(message.bytes == [1])
        #expect(message.descriptorCount == 0)
        let descriptor = message.takeDescriptor()
        #expect(descriptor == nil)
    }
}
