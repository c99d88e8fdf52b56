import Testing

@testable import Sockets

@Suite("Base64")
struct Base64Tests {
    @Test(
        "the encoded text matches the test vectors of RFC 4648, section 10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func text(bytes: String, expected: String) {
        #expect(Base64.text(of: Array(bytes.utf8)) == expected)
    }

    @Test("the alphabet has 64 different digits")
    func digits() {
        #expect(Set(Base64.digits).count == 64)
        #expect(Base64.text(of: [0xFB, 0xFF, 0xBF]) == "+/+/")
    }
}
