import ArgumentParser
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ConnectionOptionsTests {
    @Test("-4 and -6 choose a family, neither is both, and both exclude each other")
    func family() throws {
        #expect(try FamilyOptions.parse([]).family() == nil)
        #expect(try FamilyOptions.parse(["-4"]).family() == .ipv4)
        #expect(try AddressOptions.parse(["--ipv6"]).family() == .ipv6)
        let both = try FamilyOptions.parse(["-4", "-6"])
        #expect(throws: UsageError("-4 and -6 exclude each other")) { try both.family() }
    }

    @Test("-w is a time above zero, or no limit")
    func limit() throws {
        #expect(try LimitOptions.parse([]).limit() == nil)
        #expect(try LimitOptions.parse(["-w", "500ms"]).limit() == .milliseconds(500))
        for bad in ["0", "-1", "x"] {
            let options = try LimitOptions.parse(["--timeout=\(bad)"])
            #expect(throws: UsageError.self) { try options.limit() }
        }
    }

    @Test("-q is a time, zero too, and -1 is told how to wait for ever")
    func quit() throws {
        #expect(try LimitOptions.parse([]).quit() == nil)
        #expect(try LimitOptions.parse(["-q", "0"]).quit() == .zero)
        let forEver = try LimitOptions.parse(["--quit-after=-1"])
        let expected = UsageError(
            "-q wants a time such as 0 or 2s, not '-1'; to wait for ever, leave -q out")
        #expect(throws: expected) { try forEver.quit() }
    }
}
