import Testing

@Suite(.ownThread)
struct ResolveTests {
    @Test("each address is printed with its reverse name")
    func localhost() throws {
        let outcome = try SockProgram.run("resolve", "-4", "localhost")
        #expect(outcome.status == 0)
        #expect(outcome.text.hasPrefix("127.0.0.1  "))
    }

    @Test("with -n an address resolves to itself")
    func numeric() throws {
        #expect(try SockProgram.run("resolve", "-n", "::1").text == "::1\n")
        #expect(try SockProgram.run("resolve", "-n", "::1", "80").text == "[::1]:80\n")
        #expect(try SockProgram.run("resolve", "-n", "127.0.0.1", "http").text == "127.0.0.1:80\n")
    }

    @Test("--json is one object for each address")
    func json() throws {
        let outcome = try SockProgram.run("resolve", "-n", "--json", "127.0.0.1", "http")
        #expect(
            outcome.text == """
                {"name":"127.0.0.1","canonicalName":null,"family":"IPv4","address":"127.0.0.1",\
                "port":80,"reverseName":null}

                """)
    }

    @Test("an unknown name and an address of the other family are 6")
    func unknown() throws {
        #expect(try SockProgram.run("resolve", "-n", "no-such-host.invalid").status == 6)
        #expect(try SockProgram.run("resolve", "-6", "127.0.0.1").status == 6)
    }

    @Test("an empty name and too many words are usage errors")
    func usage() throws {
        #expect(try SockProgram.run("resolve", "").status == 2)
        #expect(try SockProgram.run("resolve", "h", "1", "2").status == 2)
    }
}
