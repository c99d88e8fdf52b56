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
        "http and daytime are found in the services database of this machine",
        .enabled(if: FileManager.default.fileExists(atPath: "/etc/services"), "no /etc/services"))
    func databaseOfThisMachine() throws {
        #expect(try Services.port(named: "http", transport: .tcp) == 80)
        #expect(try Services.name(ofPort: 80, transport: .tcp) == "http")
        #expect(try Services.port(named: "daytime", transport: .udp) == 13)
    }

    @Test(
        "text that cannot be a service name is rejected with an error that quotes the text",
        arguments: ["", " ", "a b", "a\0", "é", "a\n"])
    func invalidNamesAreRejected(name: String) throws {
        let error = try #require(throws: SocketError.self) { try Services.port(named: name) }
        #expect(
            error.description == "cannot parse service name \(TerminalText.quoted(name)):"
                + " expected 1 to 255 visible ASCII characters, such as http")
    }

    @Test("a service name of 100,000 characters throws `invalidInput`")
    func hugeNameIsRejected() throws {
        let name = String(repeating: "a", count: 100_000)
        let error = try #require(throws: SocketError.self) { try Services.port(named: name) }
        guard case .invalidInput = error.cause else {
            Issue.record("\(error.cause)")
            return
        }
    }

    @Suite(
        "with a private services database", .enabled(if: PrivateMachine.isAvailable, "needs root"))
    struct WithAPrivateDatabase {
        private func run<Value: Sendable>(
            _ database: String? = ServicesTests.database,
            _ body: @escaping @Sendable () throws -> Value
        ) throws -> Value {
            try PrivateMachine.run(files: database.map { ["services": $0] } ?? [:], body)
        }

        @Test("a service name or alias finds the port for the requested transport")
        func namesFindPorts() throws {
            #expect(try run { try Services.port(named: "http", transport: .tcp) } == 80)
            #expect(try run { try Services.port(named: "www", transport: .tcp) } == 80)
            #expect(try run { try Services.port(named: "echo", transport: .udp) } == 7)
        }

        @Test("a port finds the service name for the requested transport")
        func portsFindNames() throws {
            #expect(try run { try Services.name(ofPort: 514, transport: .udp) } == "syslog")
            #expect(try run { try Services.name(ofPort: 514, transport: .tcp) } == "shell")
            #expect(try run { try Services.name(ofPort: 514) } == "syslog")
        }

        @Test("a service entry has the official name, aliases, port and transport")
        func entriesAreComplete() throws {
            let expected = Services.ServiceEntry(
                name: "shell", aliases: ["cmd", "syslog"], port: 514, transport: .tcp)
            #expect(try run { try Services.service(named: "cmd") } == expected)
            #expect(try run { try Services.service(onPort: 514, transport: .tcp) } == expected)
        }

        @Test("an unknown service throws an error with the transport")
        func unknownServices() {
            let name = #expect(throws: SocketError.self) {
                try run { try Services.port(named: "http", transport: .udp) }
            }
            #expect(name?.cause == .unknownService("http", transport: .udp))
            #expect(
                name?.description
                    == "cannot look up service http: there is no such service for udp")
            let port = #expect(throws: SocketError.self) {
                try run { try Services.name(ofPort: 81, transport: .tcp) }
            }
            #expect(port?.cause == .unknownService("81", transport: .tcp))
        }

        @Test("looking up digits as a service name throws `unknownService`")
        func digitsAreNoName() {
            let error = #expect(throws: SocketError.self) {
                try run { try Services.port(named: "80") }
            }
            #expect(error?.cause == .unknownService("80", transport: nil))
        }

        @Test("a missing services database throws an error that names the package to install")
        func withoutADatabase() {
            let error = #expect(throws: SocketError.self) {
                try run(nil) { try Services.port(named: "http", transport: .tcp) }
            }
            #expect(error?.cause == .noServicesDatabase)
            #expect(
                error?.description == "cannot look up service http: this machine has no"
                    + " services database (/etc/services);"
                    + " on Debian and Ubuntu, install the package netbase")
            let byPort = #expect(throws: SocketError.self) {
                try run(nil) { try Services.name(ofPort: 80) }
            }
            #expect(byPort?.cause == .noServicesDatabase)
        }

        @Test("a service is unknown if the services database is empty")
        func anEmptyDatabase() {
            let error = #expect(throws: SocketError.self) {
                try run("") { try Services.port(named: "http") }
            }
            #expect(error?.cause == .unknownService("http", transport: nil))
        }
    }
}
