import Foundation
import Sockets
import Testing

@Suite("InformationClient", .ownThread)
struct InformationClientTests {
    @Test("each step is reported, and both addresses are told")
    func eachStepIsReported() throws {
        let server = try Socket.loopbackServer()
        let program = try Program("InformationClient", "127.0.0.1", "\(server.port)")
        let caller = try server.accept(timeout: patience)
        #expect(
            try program.remainingLines() == [
                "Creating socket... done.",
                "Connecting to remote host 127.0.0.1 on port \(server.port)... done.",
                "Connected from ('127.0.0.1', \(#require(caller.remoteAddress.port)))",
                "Connected to ('127.0.0.1', \(server.port))",
            ])
    }

    @Test(
        "a service is looked up by its name",
        .enabled(
            if: FileManager.default.fileExists(atPath: "/etc/services"),
            "this machine has no /etc/services; the package netbase brings it"))
    func aServiceIsLookedUpByItsName() throws {
        // Whether somebody listens on port 13 here is not the question.
        let lines = try Program("InformationClient", "127.0.0.1", "daytime").remainingLines()
        #expect(
            lines.prefix(2) == ["Creating socket... done.", "Looking up port number... done (13)."])
        #expect(
            lines.dropFirst(2).first?.hasPrefix(
                "Connecting to remote host 127.0.0.1 on port 13... ") == true)
    }

    @Test("a refused connection is told in the line of its step")
    func aRefusedConnectionIsTold() throws {
        let (silent, port) = try Socket.deafPort()
        defer { silent.close() }
        #expect(
            try Program("InformationClient", "127.0.0.1", "\(port)").remainingLines() == [
                "Creating socket... done.",
                "Connecting to remote host 127.0.0.1 on port \(port)... "
                    + "cannot connect to 127.0.0.1:\(port): connection refused",
            ])
    }
}
