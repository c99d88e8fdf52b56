import Testing

@testable import sock

@Suite(.ownThread)
struct ForeignFormTests {
    @Test(
        "an address of socat is refused, and the hint says what to write instead",
        arguments: [
            ("TCP:h:80", "Write sock h:80."), ("TCP4:h:80,retry=3", "Write sock h:80."),
            ("UDP:h:53", "Write sock -u h:53."),
            ("TCP-LISTEN:8080,fork", "Write sock -l 8080, or for the option fork, sock -lk 8080."),
            ("UNIX-CONNECT:/s", "Write sock -U /s."),
            ("OPENSSL:h:443,verify=0", "Write sock --tls h:443."),
            ("OPENSSL-LISTEN:8443,fork", "Write sock -l --tls 8443."),
            ("EXEC:date", "sock cannot do that; use socat."),
            ("tcp:localhost:80", "Write sock localhost:80."),
            ("udp:localhost:53", "Write sock -u localhost:53."),
        ])
    func socat(word: String, hint: String) {
        let error = #expect(throws: UsageError.self) { try ForeignForm.check([word]) }
        #expect(error?.hint == hint)
    }

    @Test("a range of ports is refused, and the hint shows a shell loop over the ports")
    func range() {
        let error = #expect(throws: UsageError.self) { try ForeignForm.check(["h", "80-90"]) }
        #expect(
            error?.message.hasSuffix(
                "to try several ports: for p in {80..90}; do sock -zv HOST $p; done") == true)
        #expect(
            ForeignForm.severalPorts(["22", "80"])
                == "to try several ports: for p in 22 80; do sock -zv HOST $p; done")
        #expect(ForeignForm.severalPorts(["h"]) == nil)
    }

    @Test("several ports to listen on are refused, and the hint shows a shell loop")
    func listening() {
        for words in [["8080-8081"], ["8080", "8081"]] {
            let error = #expect(throws: UsageError.self) {
                try ForeignForm.check(words, listens: true)
            }
            #expect(error?.message.hasSuffix("; do sock -l $p & done") == true)
        }
    }

    @Test(
        "operands that sock supports are not refused",
        arguments: [
            ["h", "80"], ["tcp:80"], ["tcp://h:80"], ["unix:/a:b"], ["80-90", "1"], ["[::1]:80"],
            ["a-b", "http"],
        ])
    func others(words: [String]) throws {
        try ForeignForm.check(words)
    }
}
