import Testing

@testable import Sockets

@Suite("SocketError text")
struct SocketErrorTextTests {
    private static func v4(_ text: String) -> SocketAddress {
        SocketAddress(text) ?? .unnamed
    }

    private static func attempt(
        _ address: String, _ cause: SocketError.Cause
    ) -> SocketError.Attempt {
        .init(address: v4(address), cause: cause, duration: .milliseconds(1))
    }

    private static let server = v4("192.0.2.7:80")
    private static let own = v4("127.0.0.1:80")
    private static let database: Endpoint = .tcp("db.example", port: 5433)

    private static let resolution = NameResolutionFailure(
        code: -2, message: "Name or service not known", isNotFound: true, isTemporary: false)

    private static let connecting: [(SocketError, String)] = [
        (
            SocketError(
                .connect, .timedOut(limit: .seconds(10)), endpoint: database,
                attempts: [
                    attempt("[2001:db8::7]:5433", .timedOut(limit: .seconds(10))),
                    attempt("192.0.2.7:5433", .timedOut(limit: nil)),
                ]),
            "cannot connect to db.example:5433: no answer in 10 s (tried 2001:db8::7, 192.0.2.7)"
        ),
        (
            SocketError(
                .connect, .system(.connectionRefused), endpoint: database,
                attempts: [
                    attempt("[2001:db8::7]:5433", .system(.connectionRefused)),
                    attempt("192.0.2.7:5433", .system(.connectionRefused)),
                ]),
            "cannot connect to db.example:5433: connection refused (tried 2001:db8::7, 192.0.2.7)"
        ),
        (
            SocketError(
                .connect, .system(.connectionRefused), endpoint: database,
                attempts: [
                    attempt("[2001:db8::7]:5433", .system(.networkUnreachable)),
                    attempt("192.0.2.7:5433", .system(.connectionRefused)),
                ]),
            """
            cannot connect to db.example:5433: connection refused \
            (tried 2001:db8::7: network is unreachable; 192.0.2.7: connection refused)
            """
        ),
        (
            SocketError(
                .connect, .system(.connectionRefused), endpoint: database,
                attempts: [
                    attempt("[2001:db8::7]:5433", .timedOut(limit: .milliseconds(1500))),
                    attempt("192.0.2.7:5433", .system(.connectionRefused)),
                ]),
            """
            cannot connect to db.example:5433: connection refused \
            (tried 2001:db8::7: timed out after 1.5 s; 192.0.2.7: connection refused)
            """
        ),
        (
            SocketError(
                .connect, .system(.noRouteToHost), endpoint: database,
                attempts: [attempt("192.0.2.7:5433", .system(.noRouteToHost))]),
            "cannot connect to db.example:5433: no route to host (tried 192.0.2.7)"
        ),
        (
            // The endpoint is a numeric address.
            SocketError(
                .connect, .system(.connectionRefused), endpoint: .tcp("192.0.2.7", port: 80),
                attempts: [attempt("192.0.2.7:80", .system(.connectionRefused))]),
            "cannot connect to 192.0.2.7:80: connection refused"
        ),
        (
            SocketError(
                .connect, .system(.connectionRefused), endpoint: .tcp("::1", port: 80),
                attempts: [attempt("[::1]:80", .system(.connectionRefused))]),
            "cannot connect to [::1]:80: connection refused"
        ),
        (
            SocketError(
                .connect, .system(.connectionRefused), remoteAddress: server,
                attempts: [attempt("192.0.2.7:80", .system(.connectionRefused))]),
            "cannot connect to 192.0.2.7:80: connection refused"
        ),
        (
            // An empty host is this machine, which has two addresses.
            SocketError(
                .connect, .system(.connectionRefused), endpoint: .tcp(port: 80),
                attempts: [
                    attempt("[::1]:80", .system(.connectionRefused)),
                    attempt("127.0.0.1:80", .system(.connectionRefused)),
                ]),
            "cannot connect to :80: connection refused (tried ::1, 127.0.0.1)"
        ),
        (
            SocketError(.connect, .timedOut(limit: nil), endpoint: database),
            "cannot connect to db.example:5433: no answer in time"
        ),
        (
            SocketError(.connect, .timedOut(limit: .milliseconds(50)), remoteAddress: server),
            "cannot connect to 192.0.2.7:80: no answer in 50 ms"
        ),
        (
            SocketError(.connect, .timedOut(limit: .seconds(120)), remoteAddress: server),
            "cannot connect to 192.0.2.7:80: no answer in 2 min"
        ),
        (
            SocketError(.connect, .system(.timedOut), remoteAddress: server),
            "cannot connect to 192.0.2.7:80: connection timed out"
        ),
        (
            SocketError(.connect, .selfConnect, remoteAddress: own),
            "cannot connect to 127.0.0.1:80: the socket connected to itself, because no process listens there"
        ),
        (
            SocketError(
                .connect, .system(.connectionRefused), endpoint: .unix("/run/app.sock")),
            "cannot connect to unix:/run/app.sock: connection refused"
        ),
        (
            SocketError(
                .connect, .system(.noSuchFileOrDirectory), remoteAddress: v4("/run/app.sock")),
            "cannot connect to /run/app.sock: no such file or directory"
        ),
        (
            SocketError(.connect, .system(.connectionRefused), remoteAddress: v4("@name")),
            "cannot connect to @name: connection refused"
        ),
        (
            SocketError(
                .connect, .system(.operationNotSupportedByDevice),
                remoteAddress: v4("[fe80::1%nosuch0]:80")),
            "cannot connect to [fe80::1%nosuch0]:80: no such device"
        ),
        (
            SocketError(.connect, .cancelled, endpoint: .udp("localhost", port: "domain")),
            "cannot connect to udp://localhost:domain: cancelled"
        ),
    ]

    private static let moving: [(SocketError, String)] = [
        (
            SocketError(
                .send, .timedOut(limit: .seconds(2)), localAddress: own, remoteAddress: server,
                bytesTransferred: 65536),
            "cannot send to 192.0.2.7:80: timed out after 2 s (65536 bytes were sent)"
        ),
        (
            SocketError(.send, .system(.brokenPipe), remoteAddress: server, bytesTransferred: 1),
            "cannot send to 192.0.2.7:80: broken pipe (1 byte was sent)"
        ),
        (
            SocketError(.send, .system(.connectionReset), remoteAddress: server),
            "cannot send to 192.0.2.7:80: connection reset by peer"
        ),
        (
            SocketError(.send, .system(.messageTooLong), remoteAddress: server),
            "cannot send to 192.0.2.7:80: message too long"
        ),
        (
            SocketError(.send, .timedOut(limit: nil), remoteAddress: .unnamed),
            "cannot send: timed out"
        ),
        (
            SocketError(
                .write, .timedOut(limit: .milliseconds(250)), remoteAddress: server,
                bytesTransferred: 100, unsentRequestBytes: 1),
            """
            cannot write to 192.0.2.7:80: timed out after 250 ms \
            (100 bytes were sent, 1 byte was lost)
            """
        ),
        (
            SocketError(
                .write, .system(.brokenPipe), remoteAddress: server, unsentRequestBytes: 4096),
            "cannot write to 192.0.2.7:80: broken pipe (4096 bytes were lost)"
        ),
        (
            SocketError(.write, .incompleteWrite, remoteAddress: server),
            "cannot write to 192.0.2.7:80: an earlier write was sent only in part"
        ),
        (
            SocketError(.receive, .timedOut(limit: .zero), remoteAddress: server),
            "cannot receive from 192.0.2.7:80: timed out after 0 ms"
        ),
        (
            SocketError(.receive, .closed),
            "cannot receive: the socket is closed"
        ),
        (
            SocketError(
                .read, .endOfStream, remoteAddress: server, bytesTransferred: 5,
                partialBytes: [1, 2, 3, 4, 5]),
            "cannot read from 192.0.2.7:80: unexpected end of stream (5 bytes were received)"
        ),
        (
            SocketError(.read, .lineTooLong(limit: 65536), remoteAddress: server),
            "cannot read from 192.0.2.7:80: the line is longer than 65536 bytes"
        ),
        (
            SocketError(.read, .lineTooLong(limit: 1), remoteAddress: server),
            "cannot read from 192.0.2.7:80: the line is longer than 1 byte"
        ),
        (
            SocketError(.read, .tooLarge(limit: 16), remoteAddress: server),
            "cannot read from 192.0.2.7:80: the data is longer than 16 bytes"
        ),
        (
            SocketError(.shutdown, .system(.socketNotConnected)),
            "cannot shut down the connection: transport endpoint is not connected"
        ),
        (
            SocketError(.shutdown, .system(.socketNotConnected), remoteAddress: server),
            """
            cannot shut down the connection to 192.0.2.7:80: \
            transport endpoint is not connected
            """
        ),
    ]

    private static let local: [(SocketError, String)] = [
        (
            SocketError(.bind, .system(.permissionDenied), localAddress: own),
            "cannot bind to 127.0.0.1:80: permission denied"
        ),
        (
            SocketError(
                .bind, .system(.addressInUse), endpoint: .tcp(port: 80), localAddress: own),
            "cannot bind to :80: address already in use"
        ),
        (
            // A listener has no peer.
            SocketError(
                .listen, .system(.addressInUse), localAddress: own, remoteAddress: server),
            "cannot listen on 127.0.0.1:80: address already in use"
        ),
        (
            SocketError(.accept, .system(.tooManyOpenFiles), localAddress: own),
            "cannot accept a connection on 127.0.0.1:80: too many open files"
        ),
        (
            SocketError(.accept, .timedOut(limit: .seconds(1)), localAddress: own),
            "cannot accept a connection on 127.0.0.1:80: timed out after 1 s"
        ),
        (
            SocketError(.createSocket, .system(.addressFamilyNotSupported)),
            "cannot create a socket: address family not supported by protocol"
        ),
        (
            SocketError(.setOption, .system(.protocolNotAvailable), subject: "noDelay"),
            "cannot set option noDelay: protocol not available"
        ),
        (
            SocketError(.setOption, .system(.notPermitted), subject: "mark")
                .with(optionValue: "7"),
            "cannot set option mark to 7: operation not permitted"
        ),
        (
            SocketError(.getOption, .closed, subject: "(1, 7)"),
            "cannot read option (1, 7): the socket is closed"
        ),
        (
            SocketError(.adopt, .system(.badFileDescriptor), subject: "descriptor 5"),
            "cannot adopt descriptor 5: bad file descriptor"
        ),
        (
            SocketError(.release, .system(.resourceBusy), localAddress: own),
            "cannot release the descriptor of 127.0.0.1:80: device or resource busy"
        ),
        (
            SocketError(.duplicate, .system(.tooManyOpenFiles)),
            "cannot duplicate the descriptor: too many open files"
        ),
    ]

    private static let names: [(SocketError, String)] = [
        (
            SocketError(.resolve, .nameResolution(resolution), subject: "nosuch.example"),
            "cannot resolve nosuch.example: name or service not known"
        ),
        (
            SocketError(
                .resolve, .nameResolution(resolution), endpoint: .tcp("nosuch.example", port: 80)),
            "cannot resolve nosuch.example:80: name or service not known"
        ),
        (
            SocketError(.lookUpHost, .hostLookup(.hostNotFound), subject: "nosuch.example"),
            "cannot look up host nosuch.example: unknown host"
        ),
        (
            SocketError(.lookUpHost, .hostLookup(.noData), subject: "db.example"),
            "cannot look up host db.example: no address associated with this name"
        ),
        (
            SocketError(.lookUpService, .unknownService("chat", transport: nil), subject: "chat"),
            "cannot look up service chat: there is no such service"
        ),
        (
            SocketError(.lookUpService, .unknownService("chat", transport: .udp), subject: "chat"),
            "cannot look up service chat: there is no such service for udp"
        ),
        (
            SocketError(
                .connect, .unknownService("chat", transport: .tcp),
                endpoint: .tcp("h", port: "chat")),
            "cannot connect to h:chat: there is no service 'chat' for tcp"
        ),
        (
            SocketError(.lookUpService, .noServicesDatabase, subject: "http"),
            """
            cannot look up service http: this machine has no services database (/etc/services); \
            on Debian and Ubuntu, install the package netbase
            """
        ),
        (
            SocketError(.getHostName, .system(.notPermitted)),
            "cannot get this machine's name: operation not permitted"
        ),
        (
            SocketError(.listInterfaces, .system(.notPermitted)),
            "cannot list the network interfaces: operation not permitted"
        ),
        (
            SocketError(
                .parse, .invalidInput("expected 0 to 65535"), subject: "port '80x'"),
            "cannot parse port '80x': expected 0 to 65535"
        ),
        (
            SocketError(
                .listen, .invalidInput("the endpoint must be tcp:// or unix:"),
                endpoint: .udp(port: 53)),
            "cannot listen on udp://:53: the endpoint must be tcp:// or unix:"
        ),
    ]

    @Test("errors of connecting print the expected text", arguments: connecting)
    func connectingText(error: SocketError, text: String) {
        #expect(error.description == text)
    }

    @Test("errors of sending and receiving print the expected text", arguments: moving)
    func movingText(error: SocketError, text: String) {
        #expect(error.description == text)
    }

    @Test(
        "errors about local addresses, options and descriptors print the expected text",
        arguments: local)
    func localText(error: SocketError, text: String) {
        #expect(error.description == text)
    }

    @Test("errors about names, services and input print the expected text", arguments: names)
    func namesText(error: SocketError, text: String) {
        #expect(error.description == text)
    }

    @Test("an error prints as one line without control characters for any endpoint")
    func hostileEndpoints() throws {
        let path = try #require(UnixAddress(pathBytes: [0x2F, 0x0A, 0x1B, 0xFF]))
        let zone = IPv6Address(high: 0xFE80 << 48, low: 1, zone: "\u{1b}[31m\n")
        let errors = [
            SocketError(.connect, .closed, endpoint: .tcp("a\u{1b}[31m\nb", port: "x\ry")),
            SocketError(.connect, .closed, endpoint: .unix("/tmp/a\u{7}\nb")),
            SocketError(.connect, .closed, remoteAddress: .unix(path)),
            SocketError(
                .connect, .closed,
                attempts: [
                    .init(address: .unix(path), cause: .cancelled, duration: .zero),
                    .init(address: .unix(path), cause: .closed, duration: .zero),
                    .init(address: .ipv6(zone, port: 1), cause: .closed, duration: .zero),
                ]),
            SocketError(
                .connect, .unknownService("a\nb\u{1b}", transport: nil),
                endpoint: .tcp("h", port: 1)),
        ]
        for error in errors {
            let isPlain = error.description.unicodeScalars.allSatisfy { TerminalText.isSafe($0) }
            #expect(isPlain, "\(error.description.debugDescription)")
        }
    }

    @Test("string interpolation prints the description of an error")
    func interpolation() {
        let error: any Error = SocketError(.connect, .closed, endpoint: Self.database)
        #expect("\(error)" == "cannot connect to db.example:5433: the socket is closed")
        #expect(String(describing: SocketError.Cause.selfConnect).hasPrefix("the socket connected"))
    }

    @Test("the error of a second receiver names the channel")
    func secondReceiver() {
        let error = SocketError(.receive, .busy, localAddress: Self.own)
        #expect(
            error.description
                == "cannot receive: another task is already receiving from the socket on 127.0.0.1:80"
        )
        let unnamed = SocketError(.receive, .busy, localAddress: .unnamed)
        #expect(unnamed.description.hasSuffix("receiving from this socket"))
    }
}
