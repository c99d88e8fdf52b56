import Sockets
import Testing

@Suite("Port")
struct PortTests {
    @Test("a number literal creates a numeric port")
    func aNumberLiteralIsANumber() {
        let port: Port = 80
        #expect(port.number == 80)
        #expect(port.service == nil)
        #expect(port.description == "80")
    }

    @Test("a service name creates a port without a number")
    func aNameIsKept() {
        let port: Port = "http"
        #expect(port.number == nil)
        #expect(port.service == "http")
        #expect(port.description == "http")
    }

    @Test("a service name of digits creates a numeric port if the number fits into 16 bits")
    func aNameOfDigitsIsANumber() {
        let port: Port = "80"
        #expect(port == 80)
        #expect(Port(service: "65535") == Port(65535))
        #expect(Port(service: "65536").service == "65536")
    }

    @Test(
        "decimal digits from 0 to 65535 parse as a port number",
        arguments: [("0", 0), ("80", 80), ("080", 80), ("00080", 80), ("65535", 65535)])
    func digitsAreAPort(text: String, number: UInt16) {
        #expect(Port.number(parsing: text) == number)
    }

    @Test("a number above 65535 is rejected as a port, and so is text that is not decimal digits")
    func otherTextIsRejected() {
        let accepted = HostileInput.portNumbers.filter { Port.number(parsing: $0) != nil }
        #expect(accepted == [])
    }

    @Test("every port number round-trips through its text")
    func everyNumberRoundTrips() {
        let wrong = (UInt16.min...UInt16.max).filter { number in
            Port.number(parsing: Port(number).description) != number
        }
        #expect(wrong == [])
    }

    @Test("control characters in a service name print as escapes")
    func controlCharactersAreEscaped() {
        #expect(Port(service: "a\u{1b}").description == "a\\x1b")
    }
}
