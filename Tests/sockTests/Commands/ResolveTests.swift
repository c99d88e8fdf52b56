import Testing

@Suite(.ownThread)
struct ResolveTests {
    @Test("resolve prints an address with its reverse name")
    func localhost() throws {
        let outcome = try SockProgram.run("resolve", "-4", "localhost")
        #expect(outcome.status == 0)
        #expect(outcome.text.hasPrefix("127.0.0.1  "))
    }

    @Test("resolve -n prints numeric addresses and ports")
    func numeric() throws {
        #expect(try SockProgram.run("resolve", "-n", "::1").text == "::1\n")
        #expect(try SockProgram.run("resolve", "-n", "::1", "80").text == "[::1]:80\n")
        #expect(try SockProgram.run("resolve", "-n", "127.0.0.1", "http").text == "127.0.0.1:80\n")
    }

    @Test("resolve --json prints one object per address")
    func json() throws {
        let outcome = try SockProgram.run("resolve", "-n", "--json", "127.0.0.1", "http")
        #expect(
            outcome.text == """
                {"name":"127.0.0.1","canonicalName":null,"family":"IPv4","address":"127.0.0.1",\
                "port":80,"reverseName":null}

                """)
    }

    @Test("resolve exits with status 6 for an unknown name or an address of another family")
    func unknown() throws {
        #expect(try SockProgram.run("resolve", "-n", "no-such-host.invalid").status == 6)
        #expect(try SockProgram.run("resolve", "-6", "127.0.0.1").status == 6)
    }

    @Test("resolve rejects an empty name and too many words with status 2")
    func usage() throws {
        #expect(try SockProgram.run("resolve", "").status == 2)
        #expect(try SockProgram.run("resolve", "h", "1", "2").status == 2)
    }
}
