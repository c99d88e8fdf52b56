import Foundation
import Testing

@testable import sock

@Suite(.ownThread)
struct JSONTests {
    @Test("JSON is written without spaces and keeps the order of members")
    func values() {
        let value = JSON.object([
            ("z", .number(1)), ("a", .array([.null, .decimal(0.5), .string("x"), .boolean(true)])),
            ("e", .object([])),
        ])
        #expect(value.text == #"{"z":1,"a":[null,0.5,"x",true],"e":{}}"#)
    }

    @Test("characters that would end a string or a line are escaped in JSON")
    func escapes() {
        #expect(
            JSON.string("a\"b\\c\n\r\t\u{0}\u{1B}\u{7F}\u{2028}é").text
                == #""a\"b\\c\n\r\t\u0000\u001b\u007f\u2028é""#)
        #expect(JSON.string("\u{E0001}").text == #""\udb40\udc01""#)
    }

    @Test("JSONSerialization decodes a written string to the same text")
    func roundTrip() throws {
        let text = String(String.UnicodeScalarView((0...0x2100).compactMap(Unicode.Scalar.init)))
        let object = try JSONSerialization.jsonObject(
            with: Data(JSON.object([(text, .string(text))]).text.utf8))
        #expect(object as? [String: String] == [text: text])
    }

    @Test("nil and NaN are written as null")
    func null() {
        #expect(JSON.optional(nil) == .null)
        #expect(JSON.optional("x") == .string("x"))
        #expect(JSON.decimal(.nan).text == "null")
    }
}
