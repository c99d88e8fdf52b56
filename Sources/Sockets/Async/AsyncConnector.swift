internal import SystemPackage

/// Carries out a `ConnectAttempts` without holding up a thread.
final class AsyncConnector {
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

    /// A socket that is connected to the address that answered first, and does not wait.
    func connect(
        toOneOf addresses: [SocketAddress], _ options: ConnectOptions
    ) async throws(SocketError) -> Socket {
        var contest = ConnectAttempts(addresses, .stream, options, deadline)
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
        for contest: inout ConnectAttempts, atMost duration: Duration?
    ) async throws(SocketError) {
        let meetingPoint = try place()
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

    private func place() throws(SocketError) -> MeetingPoint {
        if let meetingPoint { return meetingPoint }
        do throws(Errno) {
            let made = try MeetingPoint(on: loop)
            made.prepare()
            meetingPoint = made
            return made
        } catch {
            throw SocketError(.connect, .system(error))
        }
    }
}
