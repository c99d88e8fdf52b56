import Testing

@testable import Sockets

@Suite("Resolver: async")
struct ResolverAsyncTests {
    private static let expired = TimeLimit.seconds(0)

    @Test("address literals and Unix paths resolve even with an expired time limit")
    func literals() async throws {
        let tcp = try await Resolver.resolve(.tcp("127.0.0.1", port: 80), timeout: Self.expired)
        #expect(tcp == [.ipv4(.loopback, port: 80)])
        let unix = try await Resolver.resolve(.unix("/run/app.sock"), timeout: Self.expired)
        #expect(unix.map(\.description) == ["/run/app.sock"])
        let any = try await Resolver.resolve(
            .tcp(port: 80), family: .ipv4, forBinding: true, timeout: Self.expired)
        #expect(any == [.ipv4(.any, port: 80)])
        let host = try await Resolver.resolve(
            host: "::1", canonicalName: true, timeout: Self.expired)
        #expect(host.addresses == [.ipv6(.loopback, port: 0)])
        #expect(host.canonicalName == "::1")
        let entry = try await Resolver.host(named: "127.0.0.1", timeout: Self.expired)
        #expect(entry.addresses == [.v4(.loopback)])
        let names = try await Resolver.name(
            of: .ipv4(.loopback, port: 80), numericHost: true, numericService: true,
            timeout: Self.expired)
        #expect(names == ("127.0.0.1", "80"))
    }

    @Test("each async lookup returns the same result as its blocking overload")
    func sameAsBlocking() async throws {
        let blocking = try await Background {
            (
                try Resolver.resolve(.tcp("localhost", port: 80), family: .ipv4),
                try Resolver.resolve(host: "localhost", canonicalName: true),
                try Resolver.name(of: .ipv4(.loopback, port: 80)),
                try Resolver.host(named: "localhost"),
                try Resolver.host(at: .v4(.loopback))
            )
        }.result()
        let endpoint = Endpoint.tcp("localhost", port: 80)
        #expect(try await Resolver.resolve(endpoint, family: .ipv4) == blocking.0)
        #expect(try await Resolver.resolve(host: "localhost", canonicalName: true) == blocking.1)
        #expect(try await Resolver.name(of: .ipv4(.loopback, port: 80)) == blocking.2)
        #expect(try await Resolver.host(named: "localhost") == blocking.3)
        #expect(try await Resolver.host(at: .v4(.loopback)) == blocking.4)
    }

    private static let lookups: [@Sendable (TimeLimit) async throws -> Void] = [
        { limit in
            _ = try await Resolver.resolve(.tcp("host.invalid", port: 80), timeout: limit)
        },
        { limit in
            _ = try await Resolver.resolve(host: "host.invalid", timeout: limit)
        },
        { limit in
            _ = try await Resolver.name(of: .ipv4(.loopback, port: 80), timeout: limit)
        },
        { limit in
            _ = try await Resolver.host(named: "host.invalid", timeout: limit)
        },
        { limit in
            _ = try await Resolver.host(at: .v4(.loopback), timeout: limit)
        },
    ]

    private static let descriptions = [
        "resolve host.invalid:80", "resolve host.invalid", "resolve 127.0.0.1:80",
        "look up host host.invalid", "look up host 127.0.0.1",
    ]

    @Test(
        "a lookup with an expired time limit throws an error that names what was looked up",
        arguments: 0..<5)
    func timeLimit(index: Int) async throws {
        let error = await #expect(throws: SocketError.self) {
            try await Self.lookups[index](Self.expired)
        }
        #expect(error?.description == "cannot \(Self.descriptions[index]): timed out after 0 ms")
    }

    @Test("a cancelled lookup throws an error that names what was looked up", arguments: 0..<5)
    func cancellation(index: Int) async throws {
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await Self.lookups[index](.never)
        }
        task.cancel()
        let error = await #expect(throws: SocketError.self) { try await task.value }
        #expect(error?.description == "cannot \(Self.descriptions[index]): cancelled")
    }

    @Test("a malformed host throws an error that explains the expected form")
    func malformedHosts() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await Resolver.host(named: "127.1")
        }
        #expect(
            error?.description == "cannot parse host '127.1':"
                + " expected four numbers from 0 to 255, as in 192.0.2.7")
    }
}
