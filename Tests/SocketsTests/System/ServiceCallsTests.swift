import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("ServiceCalls", .ownThread)
struct ServiceCallsTests {
    @Test("the result code distinguishes an unknown service from a missing database")
    func results() {
        #expect(ServiceCallFailure(code: 0, errno: 0) == .unknown)
        #expect(ServiceCallFailure(code: ENOENT, errno: 0) == .noDatabase)
        #expect(ServiceCallFailure(code: EMFILE, errno: 0) == .system(.tooManyOpenFiles))
    }

    @Suite(
        "with a private services database", .enabled(if: PrivateMachine.isAvailable, "needs root"))
    struct WithAPrivateDatabase {
        @Test("getservbyname_r and getservbyport_r use ports in host byte order")
        func hostOrder() throws {
            let files = ["services": "high 65280/tcp\nlow 255/udp\n"]
            let high = try PrivateMachine.run(files: files) {
                try System.getservbyname_r("high", transport: "tcp")
            }
            #expect(high.port == 0xFF00)
            let low = try PrivateMachine.run(files: files) {
                try System.getservbyport_r(0x00FF, transport: "udp")
            }
            #expect(low.name == "low")
        }

        @Test("a service entry with 5,000 aliases is returned completely")
        func largeEntries() throws {
            let aliases = (0..<5_000).map { "alias-\($0)" }
            let files = ["services": "big 7/tcp \(aliases.joined(separator: " "))\n"]
            let byName = try PrivateMachine.run(files: files) {
                try System.getservbyname_r("big", transport: nil)
            }
            #expect(byName.aliases == aliases)
            let byPort = try PrivateMachine.run(files: files) {
                try System.getservbyport_r(7, transport: nil)
            }
            #expect(byPort.aliases == aliases)
        }
    }
}
