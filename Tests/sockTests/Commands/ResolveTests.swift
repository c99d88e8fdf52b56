import Testing

@Suite(.ownThread)
struct ResolveTests {
    @Test("a name's addresses, each with the name it leads back to")
    func localhost() throws {
        let outcome = try SockProgram.run("resolve", "-4", "localhost")
        #expect(outcome.status == 0)
        #expect(outcome.text.hasPrefix("127.0.0.1  "))
    }

    @Test("an address is its own, and asks nobody with -n")
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

    @Test("a name that does not exist is 6, and of the wrong family too")
    func unknown() throws {
        #expect(try SockProgram.run("resolve", "-n", "no-such-host.invalid").status == 6)
        #expect(try SockProgram.run("resolve", "-6", "127.0.0.1").status == 6)
    }

    @Test("too many words and an empty name are refused")
    func usage() throws {
        #expect(try SockProgram.run("resolve", "").status == 2)
        #expect(try SockProgram.run("resolve", "h", "1", "2").status == 2)
    }
}
