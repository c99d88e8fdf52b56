import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct HintTests {
    private func hint(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause,
        _ endpoint: Endpoint? = nil, libraryHint: String? = nil
    ) -> String? {
        Failure(SocketError(operation, cause, endpoint: endpoint, hint: libraryHint)).hint
    }

    @Test("the hint for a connect timeout mentions firewalls and -w")
    func timeOut() {
        #expect(
            hint(.connect, .timedOut(limit: .seconds(10)), .tcp("h", port: 1))
                == "A firewall may be dropping packets; -w 30s changes the limit.")
    }

    @Test("the hint for a connect timeout on this machine names the server and sock doctor")
    func localTimeOut() {
        func hint(_ addresses: SocketAddress...) -> String? {
            Failure(
                SocketError(
                    .connect, .timedOut(limit: .seconds(10)),
                    attempts: addresses.map {
                        .init(address: $0, cause: .timedOut(limit: nil), duration: .seconds(10))
                    })
            ).hint
        }
        let local = SocketAddress.ipv4(.loopback, port: 81)
        #expect(
            hint(local, .ipv6(.loopback, port: 81))
                == "The server on this machine may not accept clients; sock doctor 81 shows why.")
        #expect(
            self.hint(.connect, .timedOut(limit: .seconds(10)), .unix("/s"))
                == "The server may not accept clients; sock doctor shows why.")
        #expect(
            hint(local, .ipv4(IPv4Address(192, 0, 2, 7), port: 81))?.contains("firewall") == true)
    }

    @Test("the hint for a refused connection depends on the transport")
    func refused() {
        let refused = SocketError.Cause.system(.connectionRefused)
        #expect(
            hint(.connect, refused, .tcp("h", port: 1))
                == "The machine is up, but no program listens on that port.")
        #expect(hint(.receive, refused) == "No program listens on that UDP port.")
        for endpoint in [Endpoint.unix("/s"), .unixDatagram("/s")] {
            #expect(
                hint(.connect, refused, endpoint)
                    == "The socket file exists, but no program listens on it.")
        }
        #expect(hint(.connect, refused, .unix("@s")) == "No program listens on that name.")
        #expect(hint(.connect, refused, .unix("/dev/null"))?.contains("not a socket") == true)
    }

    @Test("the hint for a TLS failure names the flag that helps")
    func tls() {
        let subject = "/CN=a"
        for (failure, word) in [
            (TLSFailure.selfSigned(subject: subject), "--pin"),
            (.unknownIssuer(subject: subject, issuer: "/CN=i"), "--ca"),
            (.wrongHost(expected: "b", names: ["a"]), "--sni"),
            (.noApplicationProtocol, "--alpn"), (.clientCertificateRequired, "--cert"),
            (.wrongPassword(isMissing: true), "openssl pkey"),
            (.notTLS(Array("HTTP/1.1 400".utf8)), "Omit --tls"),
            (.notTLS(Array("* OK IMAP".utf8)), "--starttls"),
            (.notYetValid(subject: subject, date: ""), "clock"),
            (.pinMismatch(seen: "sha256:0"), "attacker"),
        ] {
            #expect(hint(.startTLS, .tls(failure))?.contains(word) == true, "\(failure)")
        }
        #expect(hint(.startTLS, .tls(.versionRefused)) == nil)
        #expect(hint(.receive, .tls(.truncated))?.contains("more data may be missing") == true)
    }

    @Test("a refused Unix datagram has a Unix hint even if the error has no endpoint")
    func refusedDatagrams() throws {
        let path = SocketAddress.unix(try #require(UnixAddress(path: "/s")))
        let error = SocketError(.send, .system(.connectionRefused), remoteAddress: path)
        #expect(Failure(error).hint == "The socket file exists, but no program listens on it.")
        let tried = SocketError(
            .connect, .system(.connectionRefused),
            attempts: [
                .init(address: path, cause: .system(.connectionRefused), duration: .zero)
            ])
        #expect(Failure(tried).hint == "The socket file exists, but no program listens on it.")
    }

    @Test("errors about the type, the folder and the links of a Unix path have hints")
    func unixPaths() {
        let type = SocketError.Cause.system(.protocolWrongTypeForSocket)
        #expect(hint(.connect, type, .unix("/s"))?.contains("; -u or ") == true)
        #expect(hint(.connect, type, .unixDatagram("/s"))?.contains("without -u") == true)
        for operation in [SocketError.Operation.connect, .bind] {
            #expect(
                hint(operation, .system(.notDirectory), .unix("/s/s"))
                    == "A part of that path is a file and not a folder.")
        }
        #expect(
            hint(.connect, .system(.tooManySymbolicLinkLevels), .unix("/s"))?.contains("loop")
                == true)
        #expect(
            hint(.bind, .system(.notPermitted), .unix("/sys/s"))
                == "That folder cannot contain sockets.")
    }

    @Test("a port in use, a privileged port and an address of another machine have different hints")
    func bind() {
        #expect(hint(.bind, .system(.addressInUse))?.contains("ss -ltunp") == true)
        let denied = SocketError.Cause.system(.permissionDenied)
        #expect(hint(.bind, denied, .tcp(port: 80))?.contains("1024") == true)
        #expect(hint(.bind, denied, .tcp(port: 8080))?.contains("policy") == true)
        #expect(hint(.bind, denied, .unix("/s"))?.contains("create a file") == true)
        #expect(
            hint(.bind, .system(.noSuchFileOrDirectory), .unix("/a/s"))?.contains("folder") == true)
        #expect(hint(.bind, .system(.addressNotAvailable))?.contains("ip address") == true)
        #expect(
            hint(.bind, .system(.addressInUse), .unix("/s"))?.contains("not a socket") == true)
    }

    @Test("a forbidden datagram, a broadcast and an oversized datagram have different hints")
    func send() {
        let udp = Endpoint.udp("h", port: 1)
        #expect(hint(.send, .system(.notPermitted), udp)?.contains("firewall") == true)
        let denied = SocketError.Cause.system(.permissionDenied)
        for operation in [SocketError.Operation.send, .connect] {
            let broadcast = hint(operation, denied, udp, libraryHint: "SO_BROADCAST is needed.")
            #expect(broadcast?.contains("--broadcast") == true)
            #expect(hint(operation, denied, udp)?.contains("policy") == true)
        }
        #expect(hint(.send, .system(.messageTooLong), udp)?.contains("65507") == true)
        #expect(hint(.send, .system(.brokenPipe))?.contains("stopped reading") == true)
        #expect(
            hint(.connect, .system(.permissionDenied), .unix("/s"))?.contains("socket file") == true
        )
    }

    @Test(
        "the hint for an unreachable host depends on whether this machine has a route to the host")
    func routes() throws {
        func hint(
            _ code: Errno, to ip: IPAddress, _ operation: SocketError.Operation = .connect
        ) -> String {
            Failure(
                SocketError(operation, .system(code), remoteAddress: SocketAddress(ip, port: 81))
            ).hint ?? ""
        }
        // This machine has a route to itself, so the network reported these errors.
        let here = IPAddress.v4(.loopback)
        for operation in [SocketError.Operation.connect, .send, .receive] {
            #expect(hint(.noRouteToHost, to: here, operation).contains("does not answer"))
            #expect(hint(.permissionDenied, to: here, operation).contains("firewall on the way"))
            #expect(hint(.networkUnreachable, to: here, operation).contains("router on the way"))
        }
        #expect(hint(.networkUnreachable, to: try #require(IPAddress("224.0.0.1"))).contains("-u"))
        #expect(hint(.networkUnreachable, to: try #require(IPAddress("ff02::1"))).contains("-u"))
    }

    @Test("a lookup that timed out has a hint about the name server")
    func silentNameServer() {
        #expect(
            hint(.resolve, .timedOut(limit: .seconds(1)))?.contains("name server") == true)
    }

    @Test("only a reset or the end of a stream has a hint about a broken connection")
    func broken() {
        #expect(hint(.receive, .system(.connectionReset))?.contains("broke") == true)
        #expect(hint(.receive, .endOfStream)?.contains("broke") == true)
        #expect(hint(.receive, .system(.protocolNotAvailable)) == nil)
    }

    @Test(
        "EADDRNOTAVAIL for a chosen local port has a hint about ports if this machine has a route")
    func localAddress() {
        let error = SocketError(
            .connect, .system(.addressNotAvailable), remoteAddress: .ipv4(.loopback, port: 81))
        #expect(Failure(error).hint == Hint.portsExhausted)
    }

    @Test("an unreachable name server and an unknown name have different hints")
    func names() {
        let silent = NameResolutionFailure(
            code: -3, message: "Temporary failure", isNotFound: false, isTemporary: true)
        let unknown = NameResolutionFailure(
            code: -2, message: "Not known", isNotFound: true, isTemporary: false)
        #expect(hint(.resolve, .nameResolution(silent))?.contains("try again") == true)
        #expect(hint(.resolve, .nameResolution(unknown))?.contains("spelling") == true)
    }

    @Test("a hint from the library is used unchanged unless it concerns broadcasts")
    func libraryHint() {
        let text = "Port 0 picks a free one."
        #expect(hint(.connect, .system(.addressNotAvailable), libraryHint: text) == text)
    }

    @Test("an error without a known remedy has no hint")
    func none() {
        #expect(hint(.send, .cancelled) == nil)
        #expect(hint(.parse, .invalidInput("x")) == nil)
    }
}
