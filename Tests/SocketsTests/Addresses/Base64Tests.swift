import Testing

@testable import Sockets

@Suite("Base64")
struct Base64Tests {
    @Test(
        "the text of some bytes is that of RFC 4648, section 10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func text(bytes: String, expected: String) {
        #expect(Base64.text(of: Array(bytes.utf8)) == expected)
    }

    @Test("all 64 digits occur")
    func digits() {
        #expect(Set(Base64.digits).count == 64)
        #expect(Base64.text(of: [0xFB, 0xFF, 0xBF]) == "+/+/")
    }
}
