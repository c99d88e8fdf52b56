import Testing

@testable import Sockets

@Suite("Decimal")
struct DecimalTests {
    @Test("decimal digits up to the maximum parse as a number")
    func digitsUpToTheMaximumAreANumber() {
        #expect(Decimal.value(of: "0".utf8, maximum: 255) == 0)
        #expect(Decimal.value(of: "255".utf8, maximum: 255) == 255)
        #expect(Decimal.value(of: "007".utf8, maximum: 255) == 7)
        #expect(Decimal.value(of: "4294967295".utf8, maximum: .max) == .max)
    }

    @Test(
        "a number above the maximum is rejected, and so is text that is not decimal digits",
        arguments: ["", "256", "+1", "-1", " 1", "1 ", "1x", "0x1", "1_0", "٣", "１", "1\0", "1.0"])
    func otherTextIsRejected(text: String) {
        #expect(Decimal.value(of: text.utf8, maximum: 255) == nil)
    }

    @Test("a very long number is rejected without overflow")
    func veryLongNumberIsRejected() {
        let text = String(repeating: "9", count: 100_000)
        #expect(Decimal.value(of: text.utf8, maximum: .max) == nil)
    }
}
