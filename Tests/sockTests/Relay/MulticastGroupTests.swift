import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct MulticastGroupTests {
    @Test(
        "takeInterface removes the interface of an IPv4 group in every form of an address",
        arguments: [
            ("239.1.1.1%eth0", "239.1.1.1"), ("239.1.1.1%eth0:5000", "239.1.1.1:5000"),
            ("udp://239.1.1.1%eth0:5000", "udp://239.1.1.1:5000"),
        ])
    func interface(word: String, rest: String) {
        var word = word
        #expect(MulticastGroup.takeInterface(from: &word) == "eth0")
        #expect(word == rest)
    }

    @Test(
        "takeInterface leaves other words unchanged",
        arguments: ["ff02::1%eth0", "127.0.0.1%lo", "239.1.1.1", "5000", "/a%b", ""])
    func others(word: String) {
        var changed = word
        #expect(MulticastGroup.takeInterface(from: &changed) == nil)
        #expect(changed == word)
    }

    @Test("a group is recognized by its address, and its detail names the interface")
    func detail() {
        func detail(_ host: String, _ interface: String? = nil) -> String? {
            MulticastGroup(.udp(host, port: 1), interface: interface)?.detail
        }
        #expect(detail("239.1.1.1") == "joined the multicast group")
        #expect(detail("239.1.1.1", "eth0") == "joined the multicast group on eth0")
        #expect(detail("ff02::1%lo") == "joined the multicast group on lo")
        #expect(detail("127.0.0.1") == nil)
        #expect(detail("") == nil)
    }
}
