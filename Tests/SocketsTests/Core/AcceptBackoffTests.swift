import Testing

@testable import Sockets

@Suite("AcceptBackoff", .ownThread)
struct AcceptPolicyTests {
    private static let shortages: [Errno] = [
        .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory, .notPermitted,
    ]

    /// The pause in milliseconds, and whether it is news; nil for other actions.
    private func pause(_ action: AcceptBackoff.Action) -> (milliseconds: Int64, isNews: Bool)? {
        guard case .pause(let nanoseconds, let isNews) = action else { return nil }
        return (nanoseconds / 1_000_000, isNews)
    }

    @Test(
        "a caller who has gone is passed over",
        arguments: [
            Errno.connectionAbort, .protocolError, .networkDown, .hostIsDown, .noRouteToHost,
            .networkUnreachable, .protocolNotAvailable, .timedOut,
        ])
    func callers(_ error: Errno) {
        var policy = AcceptBackoff()
        #expect(policy.failed(error) == .goOn)
    }

    @Test(
        "when something runs short it pauses, longer each time, from 5 ms to 1 s",
        arguments: shortages)
    func backOff(_ error: Errno) {
        var policy = AcceptBackoff()
        let pauses = (0..<11).compactMap { _ in pause(policy.failed(error))?.milliseconds }
        #expect(pauses == [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000, 1_000])
    }

    @Test("a caller who got in makes the next pause short, but it is still the same shortage")
    func accepted() {
        var policy = AcceptBackoff()
        #expect(pause(policy.failed(.tooManyOpenFiles))! == (5, true))
        #expect(pause(policy.failed(.tooManyOpenFiles))! == (10, false))
        policy.accepted()
        #expect(pause(policy.failed(.tooManyOpenFiles))! == (5, false))
    }

    @Test("a shortage is over when the queue is empty, and the next one is news")
    func episodes() {
        var policy = AcceptBackoff()
        #expect(pause(policy.failed(.tooManyOpenFiles))! == (5, true))
        policy.accepted()
        policy.queueIsEmpty()
        #expect(pause(policy.failed(.tooManyOpenFiles))! == (5, true))
    }

    @Test(
        "an error of the socket itself ends it",
        arguments: [Errno.invalidArgument, .notSocket, .notSupportedOnSocket])
    func broken(_ error: Errno) {
        var policy = AcceptBackoff()
        #expect(policy.failed(error) == .fail)
    }
}
