import Foundation
import Sockets
import Testing

@Suite("InformationClient", .ownThread)
struct InformationClientTests {
    @Test("the client reports each step and both addresses")
    func reportsEachStep() throws {
        let server = try Socket.loopbackServer()
        let program = try Program("InformationClient", "127.0.0.1", "\(server.port)")
        let client = try server.accept(timeout: testTimeout)
        #expect(
            try program.remainingLines() == [
                "Creating socket... done.",
                "Connecting to remote host 127.0.0.1 on port \(server.port)... done.",
                "Connected from ('127.0.0.1', \(#require(client.remoteAddress.port)))",
                "Connected to ('127.0.0.1', \(server.port))",
            ])
    }

    @Test(
        "the client resolves a service name to a port",
        .enabled(
            if: FileManager.default.fileExists(atPath: "/etc/services"),
            "this machine has no /etc/services; install the package netbase"))
    func looksUpServiceByName() throws {
        // The test does not depend on a server on port 13.
        let lines = try Program("InformationClient", "127.0.0.1", "daytime").remainingLines()
        #expect(
            lines.prefix(2) == ["Creating socket... done.", "Looking up port number... done (13)."])
        #expect(
            lines.dropFirst(2).first?.hasPrefix(
                "Connecting to remote host 127.0.0.1 on port 13... ") == true)
    }

    @Test("a refused connection is reported on the line of the connect step")
    func showsRefusedConnection() throws {
        let (reserved, port) = try Socket.unservedPort()
        defer { reserved.close() }
        #expect(
            try Program("InformationClient", "127.0.0.1", "\(port)").remainingLines() == [
                "Creating socket... done.",
                "Connecting to remote host 127.0.0.1 on port \(port)... "
                    + "cannot connect to 127.0.0.1:\(port): connection refused",
            ])
    }
}
