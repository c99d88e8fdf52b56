import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("ServiceCalls")
struct ServiceCallsTests {
    @Test("a result without an entry says whether there was a database to ask")
    func results() {
        #expect(ServiceCallFailure(code: 0) == .unknown)
        #expect(ServiceCallFailure(code: ENOENT) == .noDatabase)
        #expect(ServiceCallFailure(code: EMFILE) == .system(.tooManyOpenFiles))
    }

    @Suite("with a database of our own", .enabled(if: PrivateMachine.isAvailable, "needs root"))
    struct WithADatabaseOfOurOwn {
        @Test("the port comes in host order")
        func hostOrder() throws {
            try PrivateMachine.run(files: ["services": "high 65280/tcp\nlow 255/udp\n"]) {
                () throws in
                #expect(try System.getservbyname_r("high", "tcp").port == 0xFF00)
                #expect(try System.getservbyport_r(0x00FF, "udp").name == "low")
            }
        }

        @Test("an entry of thousands of aliases comes whole")
        func largeEntries() throws {
            let aliases = (0..<5_000).map { "alias-\($0)" }
            let services = "big 7/tcp \(aliases.joined(separator: " "))\n"
            try PrivateMachine.run(files: ["services": services]) { () throws in
                #expect(try System.getservbyname_r("big", nil).aliases == aliases)
                #expect(try System.getservbyport_r(7, nil).aliases == aliases)
            }
        }
    }
}
