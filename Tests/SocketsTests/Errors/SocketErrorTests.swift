import Testing

@testable import Sockets

@Suite("SocketError")
struct SocketErrorTests {
    private static let causes: [SocketError.Cause] = [
        .system(.connectionRefused),
        .nameResolution(
            NameResolutionFailure(
                code: -2, message: "Name or service not known", isNotFound: true,
                isTemporary: false)),
        .hostLookup(.hostNotFound), .timedOut(limit: .seconds(2)), .timedOut(limit: nil),
        .cancelled, .closed, .endOfStream, .incompleteWrite, .selfConnect, .lineTooLong(limit: 1),
        .tooLarge(limit: 1), .invalidInput("x"), .unknownService("x", transport: nil),
        .unknownService("x", transport: .tcp), .noServicesDatabase,
        .proxy(.authenticationRequired), .proxy(.socks5Reply(1)),
    ]

    @Test("SocketError and its optional are one pointer wide")
    func size() {
        #expect(MemoryLayout<SocketError>.size == 8)
        #expect(MemoryLayout<SocketError?>.size == 8)
    }

    @Test("a cause is no larger than the result of a failed name resolution and a tag")
    func sizeOfCause() {
        let largest = MemoryLayout<NameResolutionFailure>.size
        #expect(MemoryLayout<SocketError.Cause>.size <= largest + 1)
    }

    @Test("an error keeps all parts that its initializer receives")
    func allParts() {
        let local = SocketAddress.ipv4(.loopback, port: 1)
        let remote = SocketAddress.ipv4(.loopback, port: 2)
        let attempt = SocketError.Attempt(
            address: remote, cause: .system(.connectionRefused), duration: .milliseconds(3))
        let error = SocketError(
            .connect, .system(.connectionRefused), subject: "subject",
            endpoint: .tcp("host", port: 2), localAddress: local, remoteAddress: remote,
            bytesTransferred: 3, unsentRequestBytes: 4, partialBytes: [5], attempts: [attempt],
            proxyStep: .init(proxy: "socks5://proxy:1", destination: nil))
        #expect(error.operation == .connect)
        #expect(error.cause == .system(.connectionRefused))
        #expect(error.subject == "subject")
        #expect(error.endpoint == .tcp("host", port: 2))
        #expect(error.localAddress == local)
        #expect(error.remoteAddress == remote)
        #expect(error.bytesTransferred == 3)
        #expect(error.unsentRequestBytes == 4)
        #expect(error.partialBytes == [5])
        #expect(error.attempts == [attempt])
        #expect(error.attempts[0].duration == .milliseconds(3))
        #expect(error.proxyStep?.proxy == "socks5://proxy:1")
        #expect(error.with(bytesTransferred: 9).proxyStep == error.proxyStep)
    }

    @Test("omitted parts of an error are nil, empty or zero")
    func defaults() {
        let error = SocketError(.send, .closed)
        #expect(error.subject == nil)
        #expect(error.endpoint == nil)
        #expect(error.localAddress == nil)
        #expect(error.remoteAddress == nil)
        #expect(error.bytesTransferred == 0)
        #expect(error.unsentRequestBytes == 0)
        #expect(error.partialBytes.isEmpty)
        #expect(error.attempts.isEmpty)
        #expect(error.proxyStep == nil)
    }

    @Test("with(…) replaces the given parts of an error and keeps the others")
    func with() {
        let error = SocketError(
            .write, .closed, subject: "s", localAddress: .unnamed,
            remoteAddress: .ipv4(.loopback, port: 2), bytesTransferred: 3, partialBytes: [1])
        let changed = error.with(endpoint: .tcp("h", port: 1)).with(unsentRequestBytes: 9)
        #expect(changed.endpoint == .tcp("h", port: 1))
        #expect(changed.unsentRequestBytes == 9)
        #expect(changed.operation == .write)
        #expect(changed.cause == .closed)
        #expect(changed.subject == "s")
        #expect(changed.localAddress == .unnamed)
        #expect(changed.remoteAddress == .ipv4(.loopback, port: 2))
        #expect(changed.bytesTransferred == 3)
        #expect(changed.partialBytes == [1])
        #expect(error.endpoint == nil && error.unsentRequestBytes == 0)
    }

    @Test("all causes have distinct values and descriptions")
    func causesDiffer() {
        #expect(Set(Self.causes).count == Self.causes.count)
        #expect(Set(Self.causes.map(\.description)).count == Self.causes.count)
    }

    @Test("each cause belongs to the expected class of Python's socket errors", arguments: causes)
    func classes(cause: SocketError.Cause) throws {
        let thrown: any Error = SocketError(.connect, cause)
        let error = try #require(thrown as? SocketError)
        let found: String =
            switch error.cause {
            case .system: "socket.error"
            case .nameResolution: "socket.gaierror"
            case .hostLookup: "socket.herror"
            case .timedOut: "socket.timeout"
            default: "other"
            }
        let position = try #require(Self.causes.firstIndex(of: cause))
        let expected = [
            "socket.error", "socket.gaierror", "socket.herror", "socket.timeout", "socket.timeout",
        ]
        #expect(found == (position < 5 ? expected[position] : "other"))
        #expect(error.isTimeout == (found == "socket.timeout"))
        #expect((error.errno != nil) == (found == "socket.error"))
    }

    @Test("errno is the number of a system error, and nil for other causes")
    func errno() {
        #expect(SocketError(.send, .system(.brokenPipe)).errno == .brokenPipe)
        #expect(SocketError(.send, .closed).errno == nil)
        // The kernel's own timeout is a system error, because no limit of the library ended the call.
        #expect(!SocketError(.connect, .system(.timedOut)).isTimeout)
    }

    @Test("each operation has a distinct description")
    func operations() {
        let operations: [SocketError.Operation] = [
            .parse, .resolve, .lookUpHost, .lookUpService, .getHostName, .listInterfaces,
            .createSocket, .bind, .listen, .accept, .connect, .send, .receive, .read, .write,
            .shutdown, .getOption,
            .setOption, .adopt, .release, .duplicate,
        ]
        #expect(Set(operations).count == operations.count)
        #expect(Set(operations.map(\.description)).count == operations.count)
        #expect(SocketError.Operation.connect.description == "connect to")
        #expect(SocketError.Operation.lookUpService.description == "look up service")
        #expect(SocketError.Operation.createSocket.description == "create a socket")
    }
}
