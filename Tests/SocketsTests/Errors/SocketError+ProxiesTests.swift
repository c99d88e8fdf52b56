import Testing

@testable import Sockets

@Suite("SocketError: proxies")
struct SocketErrorProxiesTests {
    private static let target = Endpoint.tcp("db.example", port: 5432)
    private static let proxy = "socks5://proxy.example:1080"

    private func text(_ cause: SocketError.Cause, _ destination: Endpoint?) -> String {
        SocketError(
            .connect, cause, endpoint: Self.target,
            proxyStep: .init(proxy: Self.proxy, destination: destination)
        ).description
    }

    @Test("a failure after the first proxy names the proxy, and the next proxy if there is one")
    func steps() {
        #expect(
            text(.proxy(.authenticationRequired), Self.target)
                == "cannot connect to db.example:5432: the proxy \(Self.proxy) requires a user and a"
                + " password")
        #expect(
            text(.timedOut(limit: nil), .tcp("two.example", port: 80))
                == "cannot connect to db.example:5432: the proxy \(Self.proxy), on the way to"
                + " two.example:80, did not answer in time")
    }

    @Test("the error names an unreachable proxy and the cause")
    func unreachable() {
        #expect(
            text(.timedOut(limit: .seconds(2)), nil)
                == "cannot connect to db.example:5432: the proxy \(Self.proxy) cannot be reached: no"
                + " answer in 2 s")
        #expect(text(.cancelled, nil) == "cannot connect to db.example:5432: cancelled")
    }

    @Test("a failed lookup or connect becomes an error of the proxy and keeps its attempts")
    func reaching() {
        let address = SocketAddress.ipv4(.loopback, port: 1)
        let attempt = SocketError.Attempt(
            address: address, cause: .system(.connectionRefused), duration: .zero)
        let error = SocketError(
            .resolve, .system(.connectionRefused), subject: "proxy.example",
            remoteAddress: address, attempts: [attempt]
        ).reaching(Self.proxy)
        #expect(error.operation == .connect)
        #expect(error.subject == nil)
        #expect(error.attempts == [attempt])
        #expect(error.proxyStep == .init(proxy: Self.proxy, destination: nil))
    }

    @Test("an error about this machine does not name the proxy")
    func local() {
        let error = SocketError(.bind, .system(.addressInUse), localAddress: .unnamed)
        #expect(error.reaching(Self.proxy).proxyStep == nil)
        #expect(error.reaching(Self.proxy).operation == .bind)
    }
}
