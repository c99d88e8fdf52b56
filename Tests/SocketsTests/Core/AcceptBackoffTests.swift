import Testing

@testable import Sockets

@Suite("AcceptBackoff", .ownThread)
struct AcceptBackoffTests {
    private static let shortages: [Errno] = [
        .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory, .notPermitted,
    ]

    /// Returns the pause in milliseconds and whether it is the first, or nil for other actions.
    private func pause(_ action: AcceptBackoff.Action) -> (milliseconds: Int64, isFirst: Bool)? {
        guard case .pause(let nanoseconds, let isFirst) = action else { return nil }
        return (nanoseconds / 1_000_000, isFirst)
    }

    @Test(
        "AcceptBackoff retries after an error that concerns only an aborted client",
        arguments: [
            Errno.connectionAbort, .protocolError, .networkDown, .hostIsDown, .noRouteToHost,
            .networkUnreachable, .protocolNotAvailable, .timedOut,
        ])
    func clients(_ error: Errno) {
        var backoff = AcceptBackoff()
        #expect(backoff.failed(error) == .retry)
    }

    @Test(
        "a shortage pauses accept for 5 ms, and each repetition doubles the pause up to 1 s",
        arguments: shortages)
    func backOff(_ error: Errno) {
        var backoff = AcceptBackoff()
        let pauses = (0..<11).compactMap { _ in pause(backoff.failed(error))?.milliseconds }
        #expect(pauses == [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000, 1_000])
    }

    @Test("an accepted client resets the pause to 5 ms but does not end the shortage")
    func accepted() {
        var backoff = AcceptBackoff()
        #expect(pause(backoff.failed(.tooManyOpenFiles))! == (5, true))
        #expect(pause(backoff.failed(.tooManyOpenFiles))! == (10, false))
        backoff.accepted()
        #expect(pause(backoff.failed(.tooManyOpenFiles))! == (5, false))
    }

    @Test("an empty backlog ends the shortage, and the next shortage is reported as a new shortage")
    func episodes() {
        var backoff = AcceptBackoff()
        #expect(pause(backoff.failed(.tooManyOpenFiles))! == (5, true))
        backoff.accepted()
        backoff.backlogIsEmpty()
        #expect(pause(backoff.failed(.tooManyOpenFiles))! == (5, true))
    }

    @Test(
        "AcceptBackoff does not retry after an error of the listening socket itself",
        arguments: [Errno.invalidArgument, .notSocket, .notSupportedOnSocket])
    func broken(_ error: Errno) {
        var backoff = AcceptBackoff()
        #expect(backoff.failed(error) == .fail)
    }
}
