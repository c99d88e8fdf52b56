import Testing

@testable import Sockets

@Suite("HostName", .ownThread)
struct HostNameTests {
    @Test(
        "names and numeric addresses are accepted as hosts",
        arguments: [
            "a", "localhost", "www.example.com", "www.example.com.", "WWW.Example.COM", "my_host",
            "r3---sn-x.example", "foo-.example", "xn--gre-6ka8i.example", "3com.example", "1a",
            "a1",
            "1.2.3.4", "::1", "fe80::1%eth0", "::ffff:1.2.3.4", "0x.example", "0xg", "a0x1",
            // Docker's names. `inet_aton` does not read them.
            "redis.1", "app_web.12", "123456789012", "4294967296", "1.2.3.4.5", "256.1.1.1", "08",
            "1.2.3.4.", "0x", "a.0x1", "3f2504e04f89",
            "größe.example", "münchen.test", "例子.测试", "日本", "пример.испытание", "a.例子",
            "例子。测试", "münchen。test", "münchen．test．", "例子｡测试",
            String(repeating: "a", count: 63), String(repeating: "a.", count: 126) + "a",
        ])
    func namesAndAddressesAreHosts(text: String) {
        #expect(HostName.problem(with: text) == nil)
    }

    @Test("text that is neither a name nor a numeric address is rejected as a host")
    func otherTextIsRejected() {
        let accepted = HostileInput.hosts.filter { HostName.problem(with: $0) == nil }
        #expect(accepted == [])
    }

    @Test("problem(with:) rejects an empty host")
    func emptyTextIsRejected() {
        #expect(HostName.problem(with: "") == "expected a name or a numeric address")
    }

    @Test(
        "problem(with:) says which form of host was expected",
        arguments: [
            ("127。1", "expected four numbers from 0 to 255, as in 192.0.2.7"),
            ("127.1", "expected four numbers from 0 to 255, as in 192.0.2.7"),
            ("::12345", "expected a name, or a complete IPv6 address"),
            ("a..b", "expected parts of letters, digits and hyphens, separated by single dots"),
            (
                "größe .example",
                "expected parts of letters, digits and hyphens, separated by single dots"
            ),
            (String(repeating: "a.", count: 127) + "a", "expected at most 253 characters"),
        ])
    func theProblemSaysWhatWasExpected(text: String, problem: String) {
        #expect(HostName.problem(with: text) == problem)
    }
}
