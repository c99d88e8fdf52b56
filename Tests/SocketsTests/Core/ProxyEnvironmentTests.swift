import Testing

@testable import Sockets

@Suite("ProxyEnvironment")
struct ProxyEnvironmentTests {
    /// Returns the host of the proxy for a destination, or `nil` if it is reached directly.
    private func proxy(_ variables: [String: String], for endpoint: Endpoint) throws -> String? {
        try ProxyEnvironment { variables[$0] }.server(for: endpoint)?.endpoint.host
    }

    private func isDirect(_ noProxy: String, _ endpoint: Endpoint) throws -> Bool {
        try proxy(["all_proxy": "p", "no_proxy": noProxy], for: endpoint) == nil
    }

    @Test("the port determines the variable, and all_proxy is the second choice")
    func variables() throws {
        let variables = ["http_proxy": "h", "https_proxy": "s", "all_proxy": "a"]
        #expect(try proxy(variables, for: .tcp("x", port: 80)) == "h")
        #expect(try proxy(variables, for: .tcp("x", port: "http")) == "h")
        #expect(try proxy(variables, for: .tcp("x", port: 443)) == "s")
        #expect(try proxy(variables, for: .tcp("x", port: "https")) == "s")
        #expect(try proxy(variables, for: .tcp("x", port: 8080)) == "a")
        #expect(try proxy(variables, for: .tcp("x", port: "smtp")) == "a")
        #expect(try proxy(["all_proxy": "a"], for: .tcp("x", port: 443)) == "a")
        #expect(try proxy(["http_proxy": "h"], for: .tcp("x", port: 443)) == nil)
        #expect(try proxy([:], for: .tcp("x", port: 80)) == nil)
    }

    @Test("a variable in upper case is the second choice")
    func capitals() throws {
        let both = ["ALL_PROXY": "A", "all_proxy": "a"]
        #expect(try proxy(both, for: .tcp("x", port: 1)) == "a")
        #expect(try proxy(["ALL_PROXY": "A"], for: .tcp("x", port: 1)) == "A")
        #expect(
            try proxy(["HTTPS_PROXY": "S", "all_proxy": "a"], for: .tcp("x", port: 443)) == "S")
        let excluded = ["ALL_PROXY": "A", "NO_PROXY": "x"]
        #expect(try proxy(excluded, for: .tcp("x", port: 1)) == nil)
    }

    @Test("HTTP_PROXY is ignored in a CGI program")
    func cgi() throws {
        #expect(try proxy(["HTTP_PROXY": "H"], for: .tcp("x", port: 80)) == "H")
        let variables = ["HTTP_PROXY": "H", "REQUEST_METHOD": "GET"]
        #expect(try proxy(variables, for: .tcp("x", port: 80)) == nil)
    }

    @Test("endpoints that a proxy cannot reach get no proxy from the environment")
    func unreachable() throws {
        #expect(try proxy(["all_proxy": "a"], for: .udp("x", port: 80)) == nil)
        #expect(try proxy(["all_proxy": "a"], for: .unix("/x")) == nil)
        #expect(try proxy(["all_proxy": "a"], for: .tcp(port: 80)) == nil)
        #expect(try proxy(["all_proxy": "a"], for: .tcp("fe80::1%lo", port: 80)) == nil)
        #expect(try proxy(["all_proxy": "a"], for: .tcp("fe80::1", port: 80)) == "a")
    }

    @Test("the error for a malformed variable names the variable, unless the target is excluded")
    func malformed() throws {
        let error = try #require(throws: SocketError.self) {
            try proxy(["https_proxy": "http://h:x y"], for: .tcp("x", port: 443))
        }
        #expect("\(error)".contains("of the variable https_proxy"))
        let excluded = ["https_proxy": "http://h:x y", "no_proxy": "*"]
        #expect(try proxy(excluded, for: .tcp("x", port: 443)) == nil)
    }

    @Test("a name in no_proxy matches a host and its subdomains, in upper or lower case")
    func names() throws {
        for entry in [
            "example.com", ".example.com", "Example.COM.", "a, example.com", "a\texample.com",
        ] {
            #expect(try isDirect(entry, .tcp("example.com", port: 1)), "\(entry)")
            #expect(try isDirect(entry, .tcp("www.EXAMPLE.com.", port: 1)), "\(entry)")
            #expect(try !isDirect(entry, .tcp("badexample.com", port: 1)), "\(entry)")
            #expect(try !isDirect(entry, .tcp("example.com.org", port: 1)), "\(entry)")
        }
        #expect(try isDirect("*", .tcp("x", port: 1)))
        #expect(try !isDirect(".", .tcp("x", port: 1)))
        #expect(try !isDirect(" ,, ", .tcp("x", port: 1)))
        #expect(try !isDirect("", .tcp("localhost", port: 1)))
    }

    @Test("an address or a prefix in no_proxy matches addresses only")
    func addresses() throws {
        #expect(try isDirect("192.0.2.7", .tcp("192.0.2.7", port: 1)))
        #expect(try isDirect("192.0.2.7", .tcp("::ffff:192.0.2.7", port: 1)))
        #expect(try !isDirect("0.2.7", .tcp("192.0.2.7", port: 1)))
        #expect(try isDirect("10.0.0.0/8", .tcp("10.1.2.3", port: 1)))
        #expect(try !isDirect("10.0.0.0/8", .tcp("11.1.2.3", port: 1)))
        #expect(try !isDirect("10.0.0.0/8", .tcp("ten.example", port: 1)))
        #expect(try isDirect("2001:db8::/32", .tcp("2001:db8::1", port: 1)))
        #expect(try isDirect("::1", .tcp("0:0:0:0:0:0:0:1", port: 1)))
        #expect(try isDirect("[::1]", .tcp("::1", port: 1)))
    }

    @Test("a port in no_proxy limits the entry to that port")
    func ports() throws {
        #expect(try isDirect("example.com:80", .tcp("www.example.com", port: 80)))
        #expect(try isDirect("example.com:80", .tcp("example.com", port: "http")))
        #expect(try !isDirect("example.com:80", .tcp("example.com", port: 81)))
        #expect(try isDirect("[::1]:80", .tcp("::1", port: 80)))
        #expect(try !isDirect("[::1]:80", .tcp("::1", port: 81)))
        #expect(try isDirect("192.0.2.7:80", .tcp("192.0.2.7", port: 80)))
    }
}
