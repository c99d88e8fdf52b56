import Sockets
import Testing

@Suite("AddressFamily")
struct AddressFamilyTests {
    @Test("a family prints its usual name")
    func usualNames() {
        #expect(AddressFamily.allCases.map(\.description) == ["IPv4", "IPv6", "Unix"])
    }
}
