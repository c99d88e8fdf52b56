import Testing

@testable import Sockets

@Suite("ProxyReply")
struct ProxyReplyTests {
    private typealias Parser = ([UInt8]) throws(ProxyFailure) -> Int?

    /// Returns the length of a reply, after every shorter beginning was incomplete.
    private func length(_ bytes: [UInt8], _ parse: Parser) throws -> Int? {
        for count in 1..<max(1, bytes.count) {
            if let end = try parse(Array(bytes[..<count])) { return end }
        }
        return try parse(bytes)
    }

    private func failure(_ bytes: [UInt8], _ parse: Parser) -> ProxyFailure? {
        do throws(ProxyFailure) {
            _ = try parse(bytes)
            return nil
        } catch {
            return error
        }
    }

    private func failure(_ text: String) -> ProxyFailure? {
        failure(Array(text.utf8), ProxyReply.httpConnect)
    }

    @Test("a SOCKS5 reply ends after its address and port, whatever follows")
    func socks5Length() throws {
        let ends: [([UInt8], Int)] = [
            ([5, 0, 0, 1, 1, 2, 3, 4, 0, 80], 10),
            ([5, 0, 0, 3, 0, 0, 80], 7),
            ([5, 0, 0, 3, 255] + Array(repeating: 0x61, count: 257), 262),
            ([5, 0, 0, 4] + Array(repeating: 0, count: 18), 22),
        ]
        for (bytes, end) in ends {
            #expect(try length(bytes, ProxyReply.socks5Connect) == end)
            #expect(try ProxyReply.socks5Connect(bytes + [1, 2, 3]) == end)
        }
    }

    @Test("the SOCKS5 method is the byte after the version")
    func socks5Method() throws {
        #expect(try ProxyReply.socks5Method([5]) == nil)
        let method = try #require(try ProxyReply.socks5Method([5, 2, 9]))
        #expect(method == (2, 2))
        #expect(throws: ProxyFailure.unexpectedReply([4, 0])) {
            try ProxyReply.socks5Method([4, 0])
        }
    }

    @Test("the reply to a password is positive only with status 0, whatever its version")
    func socks5Authentication() throws {
        #expect(try ProxyReply.socks5Authentication([1]) == nil)
        #expect(try ProxyReply.socks5Authentication([1, 0, 7]) == 2)
        #expect(try ProxyReply.socks5Authentication([5, 0]) == 2)
        #expect(failure([1, 255], ProxyReply.socks5Authentication) == .authenticationRefused)
    }

    @Test("a negative SOCKS5 reply fails before its address arrives")
    func shortReply() {
        #expect(failure([5, 5], ProxyReply.socks5Connect) == .socks5Reply(5))
        #expect(failure([5, 0, 0, 2], ProxyReply.socks5Connect) == .unexpectedReply([5, 0, 0, 2]))
        #expect(failure([72], ProxyReply.socks5Connect) == .unexpectedReply([72]))
    }

    @Test("a SOCKS4 reply has 8 bytes and begins with 0 and 90")
    func socks4() throws {
        let reply: [UInt8] = [0, 90, 0, 0, 0, 0, 0, 0]
        #expect(try length(reply, ProxyReply.socks4Connect) == 8)
        #expect(try ProxyReply.socks4Connect(reply + [1]) == 8)
        #expect(failure([0, 91], ProxyReply.socks4Connect) == .socks4Reply(91))
        #expect(failure([4, 90], ProxyReply.socks4Connect) == .unexpectedReply([4, 90]))
    }

    @Test(
        "an HTTP reply ends with its empty line, whatever follows",
        arguments: [
            "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 Connection established\r\nA: b\r\n\r\n",
            "HTTP/1.1 200\n\n", "HTTP/1.1 299 \r\nA: b\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ])
    func http(_ text: String) throws {
        let bytes = Array(text.utf8)
        #expect(try length(bytes, ProxyReply.httpConnect) == bytes.count)
        #expect(try ProxyReply.httpConnect(bytes + "\r\n\r\n".utf8) == bytes.count)
        #expect(try ProxyReply.httpConnect(bytes + "HTTP/1.1 500\n\n".utf8) == bytes.count)
    }

    @Test("a status other than 2xx fails after the status line, with the reason")
    func httpStatus() {
        #expect(failure("HTTP/1.1 403 No way\r\n") == .httpStatus(403, reason: "No way"))
        #expect(failure("HTTP/1.1 302\n") == .httpStatus(302, reason: ""))
        #expect(failure("HTTP/1.1 101 x\n") == .httpStatus(101, reason: "x"))
        #expect(failure("HTTP/1.1 100 a\n\nHTTP/1.1 502 b\n") == .httpStatus(502, reason: "b"))
        let long = "HTTP/1.1 500 \(String(repeating: "x", count: 200))\n"
        #expect(
            failure(long) == .httpStatus(500, reason: String(repeating: "x", count: 100)))
    }

    @Test("status 407 fails after its header, whose schemes determine the failure")
    func schemes() throws {
        let line = "HTTP/1.1 407 No\r\n"
        let denied = ProxyFailure.httpStatus(407, reason: "No")
        #expect(try ProxyReply.httpConnect(Array(line.utf8)) == nil)
        #expect(failure("\(line)\r\n") == denied)
        for schemes in ["Basic realm=\"x\"", "basic", "Negotiate, BASIC realm=\"x\""] {
            #expect(failure("\(line)A: b\r\nproxy-authenticate:\(schemes)\r\n\r\n") == denied)
        }
        for schemes in ["Negotiate", "Digest realm=\"Basic\", nonce=\"x\"", "Basically"] {
            #expect(
                failure("\(line)Proxy-Authenticate: \(schemes)\n\n") == .authenticationUnsupported)
        }
        let endless = line + "X: " + String(repeating: "x", count: ProxyReply.limit)
        #expect(failure(endless) == denied)
    }

    @Test(
        "a reply that is not HTTP fails as soon as this is certain",
        arguments: [
            "S", "HTTP/2", "HTTPS", "HTTP/1.1 99 x\n", "HTTP/1.1 2000 x\n", "HTTP/1.1 20x OK\n",
            "HTTP/1.1200 OK\n", "HTTP/1.x 200 OK\n", "HTTP/1.1 600 x\n", "HTTP/1.1\n",
            "HTTP/1.1 100 a\n\nxHTTP",
        ])
    func notHTTP(_ text: String) {
        guard case .unexpectedReply = failure(text) else {
            Issue.record("\(String(describing: failure(text)))")
            return
        }
    }

    @Test("a header as long as the limit is accepted, and a longer header is not")
    func limit() throws {
        let start = "HTTP/1.1 200 OK\r\nX: "
        let rest = ProxyReply.limit - start.utf8.count - 4
        let longest = start + String(repeating: "x", count: rest) + "\r\n\r\n"
        #expect(try ProxyReply.httpConnect(Array(longest.utf8)) == ProxyReply.limit)
        let longer = start + String(repeating: "x", count: rest + 1) + "\r\n\r\n"
        #expect(failure(longer) == .replyTooLong(limit: ProxyReply.limit))
        let open = Array(start.utf8) + Array(repeating: 0x78, count: ProxyReply.limit)
        #expect(try ProxyReply.httpConnect(Array(open.prefix(ProxyReply.limit - 1))) == nil)
        #expect(
            failure(Array(open.prefix(ProxyReply.limit)), ProxyReply.httpConnect)
                == .replyTooLong(limit: ProxyReply.limit))
    }
}
