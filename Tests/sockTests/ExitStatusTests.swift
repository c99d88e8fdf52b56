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

    @Test("the numbers are the contract's")
    func numbers() {
        #expect(
            ExitStatus.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 6, 7, 23, 28, 45, 55, 56, 130])
    }

    @Test("input that makes no sense, and a service that nobody knows, are 2")
    func usage() {
        #expect(status(.parse, .invalidInput("x")) == 2)
        #expect(status(.lookUpService, .unknownService("x", transport: nil)) == 2)
    }

    @Test("a name that cannot be resolved is 6")
    func names() {
        let failure = NameResolutionFailure(
            code: -2, message: "Name or service not known", isNotFound: true, isTemporary: false)
        #expect(status(.resolve, .nameResolution(failure)) == 6)
        #expect(status(.lookUpHost, .hostLookup(.hostNotFound)) == 6)
        #expect(status(.lookUpService, .noServicesDatabase) == 6)
    }

    @Test(
        "refused and unreachable are 7, also when a datagram found out",
        arguments: [
            Errno.connectionRefused, .noRouteToHost, .networkUnreachable, .noSuchFileOrDirectory,
        ])
    func unreachable(code: Errno) {
        #expect(status(.connect, .system(code)) == 7)
        #expect(status(.connect, .selfConnect) == 7)
        #expect(status(.receive, .system(.connectionRefused)) == 7)
        #expect(status(.send, .system(.connectionRefused)) == 7)
    }

    @Test(
        "who has run short of something himself is not told that the other is unreachable",
        arguments: [
            Errno.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory,
        ])
    func shortages(code: Errno) {
        #expect(status(.connect, .system(code)) == 1)
    }

    @Test("a time-out is 28, whoever's clock it was")
    func timeOut() {
        #expect(status(.connect, .timedOut(limit: .seconds(1))) == 28)
        #expect(status(.connect, .system(.timedOut)) == 28)
        #expect(status(.receive, .system(.timedOut)) == 28)
    }

    @Test("an address that cannot be had is 45, also on the way to connecting from it")
    func bind() {
        #expect(status(.bind, .system(.addressInUse)) == 45)
        #expect(status(.bind, .system(.permissionDenied)) == 45)
        #expect(status(.listen, .system(.addressInUse)) == 45)
        #expect(status(.connect, .system(.addressNotAvailable)) == 45)
    }

    @Test("a broken pipe is 55, and a reset is 56, whichever half saw it")
    func transfer() {
        #expect(status(.send, .system(.brokenPipe)) == 55)
        #expect(status(.send, .system(.connectionReset)) == 56)
        #expect(status(.receive, .system(.connectionReset)) == 56)
        #expect(status(.receive, .system(.ioError)) == 56)
    }

    @Test("everything else is 1")
    func others() {
        #expect(status(.accept, .system(.tooManyOpenFiles)) == 1)
        #expect(status(.createSocket, .system(.permissionDenied)) == 1)
        #expect(status(.send, .cancelled) == 1)
    }
}
