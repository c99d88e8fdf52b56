import Foundation
import Testing

@testable import Sockets

@Suite("Services", .ownThread)
struct ServicesTests {
    private static let database = """
        echo    7/tcp
        echo    7/udp
        http    80/tcp    www    # the web
        syslog  514/udp
        shell   514/tcp   cmd syslog

        """

    @Test(
        "this machine knows http and daytime",
        .enabled(if: FileManager.default.fileExists(atPath: "/etc/services"), "no /etc/services"))
    func thisMachineKnowsHTTP() throws {
        #expect(try Services.port(named: "http", transport: .tcp) == 80)
        #expect(try Services.name(ofPort: 80, transport: .tcp) == "http")
        #expect(try Services.port(named: "daytime", transport: .udp) == 13)
    }

    @Test(
        "text that can name no service is refused", arguments: ["", " ", "a b", "a\0", "é", "a\n"])
    func impossibleNamesAreRefused(name: String) throws {
        let error = try #require(throws: SocketError.self) { try Services.port(named: name) }
        #expect(
            error.description == "\(TerminalText.quoted(name)) is not a service name:"
                + " expected 1 to 255 visible ASCII characters, such as http")
    }

    @Test("a huge name is refused")
    func aHugeNameIsRefused() throws {
        let name = String(repeating: "a", count: 100_000)
        let error = try #require(throws: SocketError.self) { try Services.port(named: name) }
        guard case .invalidInput = error.cause else {
            Issue.record("\(error.cause)")
            return
        }
    }

    @Suite("with a database of our own", .enabled(if: PrivateMachine.isAvailable, "needs root"))
    struct WithADatabaseOfOurOwn {
        private func ask<Answer: Sendable>(
            _ database: String? = ServicesTests.database,
            _ question: @escaping @Sendable () throws -> Answer
        ) throws -> Answer {
            try PrivateMachine.run(files: database.map { ["services": $0] } ?? [:], question)
        }

        @Test("a name or an alias finds the port of the protocol")
        func namesFindPorts() throws {
            #expect(try ask { try Services.port(named: "http", transport: .tcp) } == 80)
            #expect(try ask { try Services.port(named: "www", transport: .tcp) } == 80)
            #expect(try ask { try Services.port(named: "echo", transport: .udp) } == 7)
        }

        @Test("a port finds the name of the protocol")
        func portsFindNames() throws {
            #expect(try ask { try Services.name(ofPort: 514, transport: .udp) } == "syslog")
            #expect(try ask { try Services.name(ofPort: 514, transport: .tcp) } == "shell")
            #expect(try ask { try Services.name(ofPort: 514) } == "syslog")
        }

        @Test("an entry holds the official name, aliases, port and protocol")
        func entriesHoldEverything() throws {
            let expected = Services.ServiceEntry(
                name: "shell", aliases: ["cmd", "syslog"], port: 514, protocol: "tcp")
            #expect(try ask { try Services.service(named: "cmd") } == expected)
            #expect(try ask { try Services.service(onPort: 514, transport: .tcp) } == expected)
        }

        @Test("an unknown service is told with its protocol, word for word")
        func unknownServices() {
            let name = #expect(throws: SocketError.self) {
                try ask { try Services.port(named: "http", transport: .udp) }
            }
            #expect(name?.cause == .unknownService("http", transport: .udp))
            #expect(
                name?.description
                    == "cannot look up service http: there is no such service for udp")
            let port = #expect(throws: SocketError.self) {
                try ask { try Services.name(ofPort: 81, transport: .tcp) }
            }
            #expect(port?.cause == .unknownService("81", transport: .tcp))
        }

        @Test("digits are no service's name")
        func digitsAreNoName() {
            let error = #expect(throws: SocketError.self) {
                try ask { try Services.port(named: "80") }
            }
            #expect(error?.cause == .unknownService("80", transport: nil))
        }

        @Test("without a database the error names the package that brings it")
        func withoutADatabase() {
            let error = #expect(throws: SocketError.self) {
                try ask(nil) { try Services.port(named: "http", transport: .tcp) }
            }
            #expect(error?.cause == .noServicesDatabase)
            #expect(
                error?.description == "cannot look up service http: this machine has no"
                    + " services database (/etc/services);"
                    + " on Debian and Ubuntu the package netbase brings it")
            let byPort = #expect(throws: SocketError.self) {
                try ask(nil) { try Services.name(ofPort: 80) }
            }
            #expect(byPort?.cause == .noServicesDatabase)
        }

        @Test("an empty database knows nothing, but is one")
        func anEmptyDatabase() {
            let error = #expect(throws: SocketError.self) {
                try ask("") { try Services.port(named: "http") }
            }
            #expect(error?.cause == .unknownService("http", transport: nil))
        }
    }
}
