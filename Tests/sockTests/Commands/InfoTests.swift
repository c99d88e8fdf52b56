import Testing

@Suite(.ownThread)
struct InfoTests {
    @Test("info prints no lookup line for a numeric port")
    func numeric() throws {
        let peer = try Peer { _ in }
        let outcome = try SockProgram.run("info", "127.0.0.1", peer.port)
        let lines = outcome.text.split(separator: "\n").map(String.init)
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        try #require(lines.count == 4)
        #expect(lines[0] == "Creating socket...                          done")
        let step = "Connecting to 127.0.0.1 on port \(peer.port)..."
        #expect(lines[1].hasPrefix(step))
        #expect(lines[1].dropFirst(44).hasPrefix("done ("))
        #expect(lines[1].hasSuffix(" ms)"))
        #expect(lines[2].hasPrefix("Connected from ('127.0.0.1', "))
        #expect(lines[3] == "Connected to   ('127.0.0.1', \(peer.port))")
    }

    @Test("info prints the service lookup and the refused address, and exits with status 7")
    func refused() throws {
        let outcome = try SockProgram.run("info", "127.0.0.9", "daytime")
        let lines = outcome.text.split(separator: "\n").map(String.init)
        try #require(lines.count == 3)
        #expect(lines[1] == "Looking up port number (getservbyname)...   daytime/tcp = 13")
        #expect(lines[2].hasPrefix("Connecting to 127.0.0.9 on port 13...       refused ("))
        #expect(outcome.status == 7)
        #expect(
            outcome.errorLines.first
                == "sock: cannot connect to 127.0.0.9:daytime: connection refused")
    }

    @Test("info ends the line of a failed step before the error")
    func failed() throws {
        let outcome = try SockProgram.run("info", "127.0.0.1", "nosuchservice")
        #expect(outcome.status == 2)
        #expect(outcome.text.hasSuffix("Looking up port number (getservbyname)...   failed\n"))
    }

    @Test("info exits with status 6 if the host cannot be resolved")
    func unknownHost() throws {
        #expect(try SockProgram.run("info", "-n", "no-such-host.invalid", "80").status == 6)
    }

    @Test("info --json prints all steps as one object")
    func json() throws {
        let peer = try Peer { _ in }
        let outcome = try SockProgram.run("info", "--json", "127.0.0.1", peer.port)
        #expect(
            outcome.text.hasPrefix(#"{"host":"127.0.0.1","service":null,"port":\#(peer.port),"#))
        #expect(outcome.text.contains(#""outcome":"done""#))
        #expect(outcome.text.hasSuffix("}\n"))
        #expect(outcome.text.split(separator: "\n").count == 1)
    }

    @Test("info -u connects to a multicast group through the named interface")
    func group() throws {
        let connected = try SockProgram.run("info", "-u", "239.77.1.1%lo", "5000")
        #expect(connected.status == 0, "\(connected.errors)")
        #expect(connected.text.contains("Connected from ('"))
        #expect(connected.text.hasSuffix("Connected to   ('239.77.1.1', 5000)\n"))
        let outcome = try SockProgram.run("info", "-u", "239.77.1.1%none0", "5000")
        #expect(outcome.status == 6)
        #expect(outcome.errors.contains("cannot use 239.77.1.1%none0: there is no such interface"))
    }

    @Test("info rejects a Unix socket and a limit of zero with status 2")
    func usage() throws {
        #expect(try SockProgram.run("info", "unix:/s").status == 2)
        #expect(try SockProgram.run("info", "-w0", "h", "80").status == 2)
    }
}
