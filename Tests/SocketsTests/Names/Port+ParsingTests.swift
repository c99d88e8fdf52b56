import Testing

@testable import Sockets

@Suite("Port parsing", .ownThread)
struct PortParsingTests {
    @Test("digits are a number", arguments: [("0", 0), ("80", 80), ("65535", 65535)])
    func digitsAreANumber(text: String, number: UInt16) throws {
        #expect(try Port(parsing: text) == Port(number))
    }

    @Test(
        "what looks like a service is kept as one",
        arguments: ["http", "X", "iso-tsap", "krb5_prop", "whois++", "clc-build-daemon"])
    func servicesAreKept(text: String) throws {
        #expect(try Port(parsing: text).service == text)
    }

    @Test("any other text is refused with an error that shows it")
    func otherTextIsRefused() {
        for text in HostileInput.ports {
            let error = #expect(throws: SocketError.self) { try Port(parsing: text) }
            #expect(
                error?.description == "\(TerminalText.quoted(text)) is not a port:"
                    + " expected 0 to 65535 in digits, or a service name")
        }
    }

    @Test("the error is one line, word for word")
    func theErrorIsOneLine() {
        let error = #expect(throws: SocketError.self) { try Port(parsing: "80x\n") }
        #expect(
            error?.description
                == "'80x\\x0a' is not a port: expected 0 to 65535 in digits, or a service name")
    }

    @Test("a port of a program's own text is checked before it is looked up")
    func portsOfProgramsAreChecked() throws {
        #expect(try Port(80).checked() == 80)
        #expect(try Port("http").checked() == "http")
        #expect(throws: SocketError.self) { try Port("80x").checked() }
    }
}
