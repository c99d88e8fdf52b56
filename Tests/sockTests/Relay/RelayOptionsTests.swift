import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct RelayOptionsTests {
    private func options(_ words: String...) throws -> RelayOptions {
        guard case .run(let arguments) = try Arguments.parse(words) else { return RelayOptions() }
        return try RelayOptions(arguments)
    }

    @Test("the default relay options set no timeout")
    func defaults() throws {
        for options in [RelayOptions(), try options()] {
            #expect(options.idleTimeout == nil)
            #expect(options.quitAfter == nil)
            #expect(!options.isSendOnly)
        }
    }

    @Test("sendStep is 2 % of -w, and nil without -w")
    func sendStep() throws {
        #expect(try options().sendStep == nil)
        #expect(try options("-w2").sendStep == .milliseconds(40))
    }

    @Test("sock half-closes after 1 s of silence, or never if -w or -q ends the relay within 1 s")
    func halfClose() throws {
        #expect(try options().halfClose == .afterSilence(.seconds(1)))
        #expect(try options("-w1").halfClose == .never)
        #expect(try options("-w5", "-q1").halfClose == .never)
        #expect(try options("-w1001ms", "-q2").halfClose == .afterSilence(.seconds(1)))
        #expect(try options("-w5").halfClose == .afterSilence(.seconds(1)))
        #expect(try options("--half-close-after=2").halfClose == .afterSilence(.seconds(2)))
        #expect(try options("-N").halfClose == .atOnce)
        #expect(try options("--no-shutdown").halfClose == .never)
        #expect(try options("--send-only").halfClose == .atOnce)
        #expect(throws: UsageError.self) { try options("-N", "--no-shutdown") }
        #expect(throws: UsageError.self) { try options("-N", "--half-close-after", "1") }
        #expect(throws: UsageError.self) { try options("-w1", "--half-close-after", "1") }
    }

    @Test("the datagram size is --datagram-size, or the largest size that all addresses allow")
    func datagramSize() throws {
        let addresses: [SocketAddress] = [.ipv6(.loopback, port: 1), .ipv4(.loopback, port: 1)]
        #expect(try options().datagramSize(to: addresses) == 65_507)
        #expect(try options().datagramSize(to: addresses.prefix(1)) == 65_527)
        #expect(try options("--datagram-size", "512").datagramSize(to: addresses) == 512)
        for bad in ["0", "65528", "x"] {
            #expect(throws: UsageError.self) { try options("--datagram-size", bad) }
        }
    }

    @Test("replyTimeout is 1 s, or the value of -w")
    func replyTimeout() throws {
        #expect(RelayOptions().replyTimeout == .seconds(1))
        #expect(try options("-w3").replyTimeout == .seconds(3))
    }

    @Test("--send-only sets quitAfter to the reply timeout unless -q is given")
    func sendOnly() throws {
        #expect(try options("--send-only").quitAfter == .seconds(1))
        #expect(try options("--send-only", "-w3").quitAfter == .seconds(3))
        #expect(try options("--send-only", "-q0").quitAfter == .zero)
    }
}
