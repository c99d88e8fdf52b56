import Testing

@testable import Sockets

@Suite("Hexadecimal")
struct HexadecimalTests {
    @Test("only the 22 hexadecimal digits have a value")
    func exactlyTheDigitsHaveAValue() {
        let digits = (UInt8.min...UInt8.max).filter { Hexadecimal.value(of: $0) != nil }
        #expect(String(decoding: digits, as: UTF8.self) == "0123456789ABCDEFabcdef")
    }

    @Test("value(of:) inverts digit(for:)")
    func valueAndDigitAreInverse() {
        for value in UInt8(0)...15 {
            #expect(Hexadecimal.value(of: Hexadecimal.digit(for: value)) == value)
        }
        #expect(Hexadecimal.digit(for: 0xAB) == UInt8(ascii: "b"))
    }
}
