import Testing

@testable import Sockets

@Suite("Port parsing", .ownThread)
struct PortParsingTests {
    @Test("digits parse as a port number", arguments: [("0", 0), ("80", 80), ("65535", 65535)])
    func digitsAreANumber(text: String, number: UInt16) throws {
        #expect(try Port(parsing: text) == Port(number))
    }

    @Test(
        "text in the form of a service name parses as that service",
        arguments: ["http", "X", "iso-tsap", "krb5_prop", "whois++", "clc-build-daemon"])
    func servicesAreKept(text: String) throws {
        #expect(try Port(parsing: text).service == text)
    }

    @Test("text that is not a port is rejected with an error that quotes the text")
    func otherTextIsRejected() {
        for text in HostileInput.ports {
            let error = #expect(throws: SocketError.self) { try Port(parsing: text) }
            #expect(
                error?.description == "cannot parse port \(TerminalText.quoted(text)):"
                    + " expected 0 to 65535 in digits, or a service name")
        }
    }

    @Test("the error of parsing a port escapes a line feed in the text")
    func theErrorIsOneLine() {
        let error = #expect(throws: SocketError.self) { try Port(parsing: "80x\n") }
        #expect(
            error?.description
                == "cannot parse port '80x\\x0a': expected 0 to 65535 in digits, or a service name")
    }

    @Test("checked() throws for a port whose text is not in the form of a service name")
    func portsOfProgramsAreChecked() throws {
        #expect(try Port(80).checked() == 80)
        #expect(try Port("http").checked() == "http")
        #expect(throws: SocketError.self) { try Port("80x").checked() }
    }
}
