import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ExitStatusTests {
    private func status(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause
    ) -> Int32 {
        ExitStatus(SocketError(operation, cause)).rawValue
    }

    @Test("the exit statuses equal the documented numbers")
    func numbers() {
        #expect(
            ExitStatus.allCases.map(\.rawValue) == [
                0, 1, 2, 3, 4, 6, 7, 23, 28, 35, 45, 55, 56, 58, 60, 77, 90,
            ])
    }

    @Test("invalid input and an unknown service map to exit status 2")
    func usage() {
        #expect(status(.parse, .invalidInput("x")) == 2)
        #expect(status(.lookUpService, .unknownService("x", transport: nil)) == 2)
    }

    @Test("a name that cannot be resolved maps to exit status 6")
    func names() {
        let failure = NameResolutionFailure(
            code: -2, message: "Name or service not known", isNotFound: true, isTemporary: false)
        #expect(status(.resolve, .nameResolution(failure)) == 6)
        #expect(status(.lookUpHost, .hostLookup(.hostNotFound)) == 6)
        #expect(status(.lookUpService, .noServicesDatabase) == 6)
        #expect(status(.resolve, .system(.operationNotSupportedByDevice)) == 6)
        #expect(status(.resolve, .invalidInput("a library is missing")) == 6)
    }

    @Test(
        "a refused or unreachable peer maps to exit status 7, for streams and datagrams",
        arguments: [
            Errno.connectionRefused, .noRouteToHost, .networkUnreachable, .noSuchFileOrDirectory,
        ])
    func unreachable(code: Errno) {
        #expect(status(.connect, .system(code)) == 7)
        #expect(status(.connect, .selfConnect) == 7)
        #expect(status(.receive, .system(.connectionRefused)) == 7)
        #expect(status(.send, .system(.connectionRefused)) == 7)
    }

    @Test("a datagram that a firewall of the peer rejects maps to exit status 7")
    func rejected() {
        for operation in [SocketError.Operation.send, .receive, .connect] {
            #expect(status(operation, .system(.permissionDenied)) == 7)
        }
    }

    @Test(
        "a local shortage of resources while connecting maps to exit status 1",
        arguments: [
            Errno.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory,
        ])
    func shortages(code: Errno) {
        #expect(status(.connect, .system(code)) == 1)
    }

    @Test("a timeout of the library or the kernel maps to exit status 28")
    func timeout() {
        #expect(status(.connect, .timedOut(limit: .seconds(1))) == 28)
        #expect(status(.connect, .system(.timedOut)) == 28)
        #expect(status(.receive, .system(.timedOut)) == 28)
    }

    @Test("a local address that cannot be bound maps to exit status 45, and exhausted ports to 7")
    func bind() {
        #expect(status(.bind, .system(.addressInUse)) == 45)
        #expect(status(.bind, .system(.permissionDenied)) == 45)
        #expect(status(.listen, .system(.addressInUse)) == 45)
        #expect(status(.connect, .system(.addressNotAvailable)) == 7)
    }

    @Test("a broken pipe maps to exit status 55, and a reset maps to exit status 56")
    func transfer() {
        #expect(status(.send, .system(.brokenPipe)) == 55)
        #expect(status(.send, .system(.connectionReset)) == 56)
        #expect(status(.receive, .system(.connectionReset)) == 56)
        #expect(status(.connect, .system(.connectionReset)) == 56)
        #expect(status(.receive, .system(.ioError)) == 56)
    }

    @Test("the faults of the peer's certificate map to exit status 60")
    func peerCertificate() {
        let subject = "/CN=a"
        for failure in [
            TLSFailure.expired(subject: subject, date: ""),
            .notYetValid(subject: subject, date: ""), .wrongHost(expected: "b", names: []),
            .selfSigned(subject: subject), .unknownIssuer(subject: subject, issuer: "/CN=i"),
            .wrongPurpose(subject: subject), .invalidCertificate(subject: subject, reason: ""),
        ] {
            #expect(status(.startTLS, .tls(failure)) == 60)
        }
    }

    @Test("faults of the program's own certificate and key map to exit status 58")
    func ownCertificate() {
        for failure in [
            TLSFailure.keyMismatch, .unreadable("the private key", reason: ""),
            .wrongPassword(isMissing: true), .clientCertificateRequired,
            .clientCertificateRefused(.badCertificate),
        ] {
            #expect(status(.loadCertificate, .tls(failure)) == 58)
            #expect(status(.receive, .tls(failure)) == 58)
        }
    }

    @Test("a failed handshake maps to exit status 35, and a later TLS failure to 56")
    func handshake() {
        for failure in [
            TLSFailure.truncated, .alert(.handshakeFailure), .protocolViolation(""),
        ] {
            #expect(status(.startTLS, .tls(failure)) == 35)
            #expect(status(.receive, .tls(failure)) == 56)
        }
        for failure in [
            TLSFailure.notTLS([]), .bytesBeforeTLS([]), .versionRefused, .cipherRefused,
            .noApplicationProtocol,
        ] {
            #expect(status(.startTLS, .tls(failure)) == 35)
        }
        #expect(status(.loadCertificate, .tls(.unavailable("x"))) == 35)
        #expect(status(.startTLS, .system(.connectionReset)) == 35)
        #expect(status(.startTLS, .tls(.pinMismatch(seen: "sha256:0"))) == 90)
        #expect(status(.startTLS, .timedOut(limit: .seconds(1))) == 28)
    }

    @Test("any other error maps to exit status 1")
    func others() {
        #expect(status(.accept, .system(.tooManyOpenFiles)) == 1)
        #expect(status(.createSocket, .system(.permissionDenied)) == 1)
        #expect(status(.send, .cancelled) == 1)
    }
}
