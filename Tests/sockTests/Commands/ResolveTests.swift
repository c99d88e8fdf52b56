import Foundation
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

    @Test(
        "resolve exits with status 6 if the name is unknown or if -6 excludes the address")
    func unknown() throws {
        #expect(try SockProgram.run("resolve", "-n", "no-such-host.invalid").status == 6)
        #expect(try SockProgram.run("resolve", "-6", "127.0.0.1").status == 6)
    }

    @Test("an international name without libidn2 fails, and the error names the package to install")
    func withoutIDN() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // The dynamic linker finds this file first, which is no library.
        try Data().write(to: URL(fileURLWithPath: folder + "/libidn2.so.0"))
        for command in ["resolve münchen.test", "connect münchen.test 80", "info münchen.test 80"] {
            let outcome = try SockProgram.shell("LD_LIBRARY_PATH='\(folder)' \"$SOCK\" \(command)")
            #expect(outcome.status == 6)
            #expect(
                outcome.errors.contains("cannot resolve münchen.test: international names need"),
                "\(outcome.errors)")
            #expect(outcome.errors.contains("install it (Debian and Ubuntu: libidn2-0)"))
            #expect(outcome.errors.contains("xn--"))
        }
    }

    @Test("resolve accepts an IPv6 address in brackets and -w")
    func brackets() throws {
        #expect(try SockProgram.run("resolve", "-n", "-w5", "[::1]").text == "::1\n")
    }

    @Test("resolve rejects an empty name and too many words with status 2")
    func usage() throws {
        #expect(try SockProgram.run("resolve", "").status == 2)
        #expect(try SockProgram.run("resolve", "h", "1", "2").status == 2)
    }
}
