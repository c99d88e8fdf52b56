import Testing

@testable import Sockets

@Suite("HostLookup", .ownThread)
struct HostLookupTests {
    private func texts(_ lookup: HostLookup) throws -> [String] {
        try lookup.resolution(until: Deadline(startingNow: .never)).addresses.map(\.description)
    }

    @Test(
        "a lookup that needs only the services database does not wait for name servers",
        arguments: [
            ("localhost", true), ("127.0.0.1", true), ("", true), ("host.invalid", false),
        ])
    func threads(host: String, needsServicesOnly: Bool) {
        let lookup = HostLookup(host: host, service: "daytime")
        #expect(lookup.mayBlock)
        let expected = needsServicesOnly ? LookupThreads.services : .shared
        #expect(lookup.threadsForTask.maximum == expected.maximum)
        let endpoint = Endpoint.tcp(host, port: "daytime")
        #expect(endpoint.lookupThreads.maximum == expected.maximum)
    }

    @Test("a lookup without a service returns port 0")
    func withoutAService() throws {
        let lookup = HostLookup(host: "192.0.2.7")
        #expect(try texts(lookup) == ["192.0.2.7:0"])
        #expect(try lookup.resolution(until: Deadline(startingNow: .never)).canonicalName == nil)
    }

    @Test("a numeric host resolves even after the deadline")
    func numericHostsNeedNoTime() throws {
        let lookup = HostLookup(host: "::1", service: 80)
        let resolution = try lookup.resolution(until: Deadline(startingNow: .seconds(0)))
        #expect(resolution.addresses == [.ipv6(.loopback, port: 80)])
    }

    @Test("the canonical name of a numeric host is its normalized text")
    func numericHostsAreTheirOwnName() throws {
        let lookup = HostLookup(host: "2001:DB8:0::7", canonicalName: true)
        #expect(
            try lookup.resolution(until: Deadline(startingNow: .never)).canonicalName
                == "2001:db8::7")
    }

    @Test("an address literal throws a resolve error if its family is not the requested family")
    func otherFamily() {
        for (host, family) in [("192.0.2.7", AddressFamily.ipv6), ("::1", .ipv4)] {
            let error = #expect(throws: SocketError.self) {
                try texts(HostLookup(host: host, family: family))
            }
            #expect(error?.operation == .resolve)
        }
    }

    @Test("an IPv4-mapped literal resolves to its IPv4 address for the family IPv4")
    func mappedAddresses() throws {
        let lookup = HostLookup(host: "::ffff:192.0.2.7", service: 80, family: .ipv4)
        #expect(try texts(lookup) == ["192.0.2.7:80"])
    }

    @Test("a host name resolves to its address")
    func names() throws {
        #expect(try texts(HostLookup(host: "localhost", family: .ipv4)) == ["127.0.0.1:0"])
    }

    @Test(
        "localhost and its subdomains resolve to this machine without a lookup",
        arguments: [
            "localhost", "LOCALHOST", "LocalHost.", "localhost.", "a.localhost", "A.b.LOCALHOST.",
        ])
    func localhost(host: String) throws {
        #expect(!HostLookup(host: host).mayBlock)
        #expect(try texts(HostLookup(host: host, service: 80)) == ["[::1]:80", "127.0.0.1:80"])
        #expect(try texts(HostLookup(host: host, family: .ipv4)) == ["127.0.0.1:0"])
        #expect(try texts(HostLookup(host: host, family: .ipv6)) == ["[::1]:0"])
        // No time is left, so a lookup would fail.
        let late = try HostLookup(host: host).resolution(until: Deadline(startingNow: .seconds(0)))
        #expect(late.addresses.count == 2)
    }

    @Test(
        "names that only resemble localhost are looked up",
        arguments: ["localhost.example", "notlocalhost", "localhost1", "my-localhost"])
    func notLocalhost(host: String) {
        #expect(HostLookup(host: host).mayBlock)
    }

    @Test(
        "a name that libc refuses or answers without a name server blocks no thread",
        arguments: [
            HostLookup(host: "::1", family: .ipv4), HostLookup(host: "a..b"),
            HostLookup(host: "db.example", numericOnly: true), HostLookup(host: ""),
        ])
    func withoutBlocking(lookup: HostLookup) {
        #expect(!lookup.mayBlock)
        let late = Deadline(startingNow: .seconds(0))
        do {
            _ = try lookup.resolution(until: late)
        } catch {
            #expect(!error.isTimeout)
        }
    }

    @Test("an invalid service is reported before an invalid host")
    func theServiceComesFirst() {
        let error = #expect(throws: SocketError.self) {
            try texts(HostLookup(host: "no such host", service: "no such service"))
        }
        #expect(error?.description.hasPrefix("cannot parse port 'no such service'") == true)
    }
}
