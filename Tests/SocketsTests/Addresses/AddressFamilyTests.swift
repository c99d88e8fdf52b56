import Sockets
import Testing

@Suite("AddressFamily")
struct AddressFamilyTests {
    @Test("a family is shown under its usual name")
    func aFamilyIsShownUnderItsUsualName() {
        #expect(AddressFamily.allCases.map(\.description) == ["IPv4", "IPv6", "Unix"])
    }
}
