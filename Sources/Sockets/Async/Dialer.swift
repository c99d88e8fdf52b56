internal import SystemPackage

/// Looks a name up and carries out a `ConnectContest`, without holding up a thread.
final class Dialer {
    let loop: EventLoop
    private let deadline: Deadline
    /// Where the task waits; made when there is something to wait for.
    private var meetingPoint: MeetingPoint?

    /// How long a Unix server whose queue is full is left alone before it is asked again: the kernel
    /// does not tell when there is room.
    private static let pauseOfFullQueue = Duration.milliseconds(10)

    init(on loop: EventLoop, _ deadline: Deadline) {
        self.loop = loop
        self.deadline = deadline
    }

    /// The addresses of an endpoint.
    func resolve(
        _ endpoint: Endpoint, _ family: AddressFamily?
    ) async throws(SocketError) -> [SocketAddress] {
        guard endpoint.isLookedUp else { return try Resolver.resolve(endpoint, family: family) }
        return try await answer { () throws(SocketError) in
            try Resolver.resolve(endpoint, family: family)
        }
    }

    /// The answer to a question that may block, asked on a thread of its own; the thread is left to
    /// itself at the deadline, and when the task is cancelled.
    func answer<Answer: Sendable>(
        to question: @escaping @Sendable () throws(SocketError) -> Answer
    ) async throws(SocketError) -> Answer {
        let answer = Lock<Result<Answer, SocketError>?>(nil)
        let meetingPoint = try place(.resolve)
        do throws(Errno) {
            try AbandonableCalls.lookups.start {
                let result = Result(catching: question)
                return {
                    answer.withLock { $0 = result }
                    meetingPoint.arrive()
                }
            }
        } catch {
            throw SocketError(.resolve, .system(error))
        }
        while true {
            meetingPoint.prepare()
            if let result = answer.withLock({ $0 }) { return try result.get() }
            let remaining = deadline.remaining
            if let remaining, remaining <= .zero {
                throw SocketError(.resolve, .timedOut(limit: deadline.limit))
            }
            guard await meetingPoint.wait(atMost: remaining) else {
                throw SocketError(.resolve, .cancelled)
            }
        }
    }

    /// A socket that is connected to the address that answered first, and does not wait.
    func connect(
        toOneOf addresses: [SocketAddress], from local: SocketAddress?
    ) async throws(SocketError) -> Socket {
        var contest = ConnectContest(addresses, .stream, from: local, deadline)
        while true {
            switch try contest.advance() {
            case .connected(let socket):
                if socket.family != .unix { try socket.setOption(.noDelay, to: true) }
                return socket
            case .wait(let duration):
                meetingPoint?.prepare()
                // On this machine most attempts have ended by the time they have begun.
                if contest.look() { continue }
                try await wait(for: &contest, atMost: duration)
            }
        }
    }

    private func wait(
        for contest: inout ConnectContest, atMost duration: Duration?
    ) async throws(SocketError) {
        let meetingPoint = try place(.connect)
        var duration = duration
        for socket in contest.takeNewcomers() where socket.family != .unix {
            try socket.call(.connect) { descriptor throws(Errno) in
                try meetingPoint.expect(descriptor)
            }
        }
        if contest.isLocal {
            duration = min(duration ?? Self.pauseOfFullQueue, Self.pauseOfFullQueue)
        }
        if await !meetingPoint.wait(atMost: duration) { contest.stop(because: .cancelled) }
    }

    private func place(_ operation: SocketError.Operation) throws(SocketError) -> MeetingPoint {
        if let meetingPoint { return meetingPoint }
        do throws(Errno) {
            let made = try MeetingPoint(on: loop)
            made.prepare()
            meetingPoint = made
            return made
        } catch {
            throw SocketError(operation, .system(error))
        }
    }
}
