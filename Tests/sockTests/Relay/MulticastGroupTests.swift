import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct MulticastGroupTests {
    @Test(
        "takeInterface removes the interface of an IPv4 group in every form of an address",
        arguments: [
            ("239.1.1.1%eth0", "239.1.1.1"), ("239.1.1.1%eth0:5000", "239.1.1.1:5000"),
            ("udp://239.1.1.1%eth0:5000", "udp://239.1.1.1:5000"),
        ])
    func interface(word: String, rest: String) {
        var word = word
        #expect(MulticastGroup.takeInterface(from: &word) == "eth0")
        #expect(word == rest)
    }

    @Test(
        "takeInterface leaves a word unchanged unless it is an IPv4 group with an interface",
        arguments: [
            "ff02::1%eth0", "127.0.0.1%lo", "239.1.1.1", "5000", "/a%b", "/tmp/239.1.1.1%a",
            "unix:///239.1.1.1%a", "unixgram:/tmp/239.1.1.1%a", "",
        ])
    func others(word: String) {
        var changed = word
        #expect(MulticastGroup.takeInterface(from: &changed) == nil)
        #expect(changed == word)
    }

    @Test("the advice to use -lu repeats the group, the interface and the port")
    func advice() throws {
        func hint(_ words: String..., flags: String = "-l") throws -> String? {
            let outcome = try SockProgram.run([flags] + words)
            #expect(outcome.status == 2)
            return outcome.errorLines.last
        }
        #expect(
            try hint("239.1.1.1%eth0", "8080") == "      Write sock -lu 239.1.1.1%eth0 8080.")
        #expect(
            try hint("-s", "239.1.1.1%eth0", "8080") == "      Write sock -lu 239.1.1.1%eth0 8080.")
        #expect(try hint("ff05::1%lo", "http") == "      Write sock -lu ff05::1%lo http.")
        let served = try SockProgram.run("serve", "echo", "239.1.1.1", "7007")
        #expect(served.errorLines.last == "      Write sock -lu 239.1.1.1 7007.")
    }

    @Test("sock -lu -s GROUP%INTERFACE joins the group on that interface")
    func sourceOfListener() throws {
        let listener = try RunningSock("-luv", "-s", "239.77.1.5%lo", "0")
        defer { listener.send(signal: 15) }
        try listener.waitForErrors { $0.hasSuffix(" (joined the multicast group on lo)\n") }
    }

    @Test(
        "a Unix path that looks like a group with an interface is kept whole", arguments: ["", "u"])
    func unixPath(flag: String) throws {
        let path = try temporaryFolder() + "/239.1.1.1%a"
        let listener = try RunningSock("-lUv\(flag)", path)
        defer { listener.send(signal: 15) }
        try listener.waitForErrors { $0.contains("Listening on ") && $0.hasSuffix("\n") }
        #expect(FileManager.default.fileExists(atPath: path))
        let client = try RunningSock("-U\(flag)", path)
        client.write("hello")
        try listener.waitForOutput("hello")
    }

    @Test(
        "a missing interface has exit status 6, for groups of both families",
        arguments: [true, false])
    func missingInterface(listens: Bool) throws {
        for group in ["239.77.1.1%none0", "ff02::77%none0"] {
            let outcome = try SockProgram.run(listens ? "-lu" : "-u", group, "5000")
            #expect(outcome.status == 6)
            #expect(
                outcome.errorLines == [
                    "sock: cannot use \(group): there is no such interface",
                    "      The zone after % must be an interface; ip link lists them.",
                ])
        }
    }

    @Test("a group is recognized by its address, and its detail names the interface")
    func detail() {
        func detail(_ host: String, _ interface: String? = nil) -> String? {
            MulticastGroup(.udp(host, port: 1), interface: interface)?.detail
        }
        #expect(detail("239.1.1.1") == "joined the multicast group")
        #expect(detail("239.1.1.1", "eth0") == "joined the multicast group on eth0")
        #expect(detail("ff02::1%lo") == "joined the multicast group on lo")
        #expect(detail("127.0.0.1") == nil)
        #expect(detail("") == nil)
    }
}
