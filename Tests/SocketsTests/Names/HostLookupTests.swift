import Testing

@testable import Sockets

@Suite("HostLookup", .ownThread)
struct HostQuestionTests {
    private func texts(_ question: HostLookup) throws -> [String] {
        try question.answer(until: Deadline(startingNow: .never)).addresses.map(\.description)
    }

    @Test("without a service the port is 0")
    func withoutAService() throws {
        let question = HostLookup(host: "192.0.2.7")
        #expect(try texts(question) == ["192.0.2.7:0"])
        #expect(try question.answer(until: Deadline(startingNow: .never)).canonicalName == nil)
    }

    @Test("a numeric host needs no time at all")
    func numericHostsNeedNoTime() throws {
        let question = HostLookup(host: "::1", service: 80)
        let answer = try question.answer(until: Deadline(startingNow: .seconds(0)))
        #expect(answer.addresses == [.ipv6(.loopback, port: 80)])
    }

    @Test("a numeric host is its own official name")
    func numericHostsAreTheirOwnName() throws {
        let question = HostLookup(host: "2001:DB8:0::7", canonicalName: true)
        #expect(
            try question.answer(until: Deadline(startingNow: .never)).canonicalName == "2001:db8::7"
        )
    }

    @Test("an IPv4 address stands for no IPv6 one, nor the other way round")
    func familiesDoNotMix() {
        for (host, family) in [("192.0.2.7", AddressFamily.ipv6), ("::1", .ipv4)] {
            let error = #expect(throws: SocketError.self) {
                try texts(HostLookup(host: host, family: family))
            }
            #expect(error?.operation == .resolve)
        }
    }

    @Test("an IPv4-mapped address stands for the IPv4 address inside it where IPv4 is wanted")
    func mappedAddresses() throws {
        let question = HostLookup(host: "::ffff:192.0.2.7", service: 80, family: .ipv4)
        #expect(try texts(question) == ["192.0.2.7:80"])
    }

    @Test("a name is looked up")
    func names() throws {
        #expect(try texts(HostLookup(host: "localhost", family: .ipv4)) == ["127.0.0.1:0"])
    }

    @Test("the service is judged before the host")
    func theServiceComesFirst() {
        let error = #expect(throws: SocketError.self) {
            try texts(HostLookup(host: "no such host", service: "no such service"))
        }
        #expect(error?.description.hasPrefix("'no such service' is not a port") == true)
    }
}
