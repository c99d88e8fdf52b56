// Who waits for whom.
extension StallAnalysis {
    // MARK: Outgoing

    /// What stands in the way of bytes that wait to go out.
    var outgoing: Diagnosis? {
        guard queued > 0 else { return nil }
        if isPeerFull { return full }
        if isTCP { return isInFlight ? inFlight : held }
        return unreadByPeer
    }

    /// The peer takes no more.
    private var full: Diagnosis {
        let still = stillSending ?? waitedInVain
        if let still, still < (activity.kind == .nothing ? Self.pause : Self.breath) {
            return moves("bytes went out \(still.brief) ago, too short a time to tell", .possible)
        }
        if still == nil, activity.kind == .nothing {
            return Diagnosis(
                .undetermined, .possible,
                "\(queued.bytes) wait for the peer to read, and one look does not tell whether it"
                    + " does",
                advice: "Look twice: diagnose(watching: .seconds(1)).")
        }
        // Two full directions at the end of a long wait are hardly a coincidence.
        if isOurWindowFull {
            return deadlock(confidence(after: still ?? activity.elapsed ?? .zero))
        }
        let level = still.map { confidence(after: $0) } ?? .possible
        return trickle ?? stopped(still, level)
    }

    private var waiting: String {
        isTCP ? "\(unsent.bytes) are not sent" : "\(queued.bytes) are not read"
    }

    private func deadlock(_ level: StallReport.Confidence) -> Diagnosis {
        let ours = now.receiveWindow.map { ", which leaves it a window of \($0.bytes)" } ?? ""
        return Diagnosis(
            .bothWriting, isTCP && level == .likely ? .certain : level,
            "\(waiting) because \(obstacle), and \(unread.bytes) of the peer wait here"
                + " unread\(ours)",
            advice: "Read while you write: use `exchange`, or read in another thread or task.")
    }

    private func stopped(_ still: Duration?, _ level: StallReport.Confidence)
        -> Diagnosis
    {
        let isSure = isTCP && still.map { $0 >= Self.veryLong } ?? false
        let time = still.map { " for \($0.brief)" } ?? ""
        let alike =
            isSure ? "" : "; a peer that reads slowly looks the same until it takes more"
        let also = unread > 0 ? "; \(unread.bytes) of it wait here unread" : ""
        return Diagnosis(
            .peerNotReading, isSure ? .certain : level,
            "\(waiting)\(time) because \(obstacle)\(alike)\(also)",
            advice: unread > 0
                ? "Read what has come: the peer may want to get rid of more before it reads."
                : "See what the peer is busy with: it has to read, and nothing here can make it.")
    }

    private var obstacle: String {
        guard isTCP else { return "the peer's buffer is full" }
        guard let window = now.sendWindow else { return "the peer's window is closed" }
        return "the peer's window is \(window.bytes)"
    }

    /// A Unix socket tells no times: but an operation that moved nothing has waited all the while.
    private var waitedInVain: Duration? {
        activity.kind != .nothing && activity.sent == 0 ? activity.elapsed : nil
    }

    /// The peer took some since the operation began, so it may be reading slowly.
    private var trickle: Diagnosis? {
        let sign: String
        if isTCP {
            guard let elapsed = activity.elapsed, elapsed >= Self.answerTime,
                let sent = now.timeSinceLastSend, sent * 4 < elapsed
            else { return nil }
            sign = "it took some \(sent.brief) ago"
        } else {
            // What is queued counts more than the bytes: the rest, at least, has been read.
            guard stillSending == nil, activity.kind == .writing, activity.sent > queued else {
                return nil
            }
            sign = "it has read \((activity.sent - queued).bytes) or more meanwhile"
        }
        return Diagnosis(
            .peerReadingSlowly(bytesPerSecond: nil), .possible,
            "\(waiting) because \(obstacle), but \(sign); a peer that has stopped since looks the"
                + " same",
            advice: Self.adviceForSlowReader)
    }

    /// Sent, and not acknowledged yet.
    private var inFlight: Diagnosis {
        let sent = now.timeSinceLastSend ?? .zero
        let what =
            now.unacknowledgedBytes.map { $0 > 0 ? "\($0.bytes) are" : "data is" } ?? "data is"
        if sent >= Self.answerTime {
            return Diagnosis(
                .networkLost, .possible,
                "\(what) in flight, and nothing has been acknowledged for \(sent.brief)",
                advice: "Look at the way there; a time limit and a new connection are all that a"
                    + " program can do.")
        }
        if activity.kind == .nothing || sent < Self.wait {
            return moves("\(what) in flight since \(sent.brief)", .possible)
        }
        return Diagnosis(
            .undetermined, .possible,
            "\(what) in flight, nothing has been acknowledged for \(sent.brief), and it has not"
                + " been sent again yet",
            advice: "Give it a longer limit: a lost network shows after about a second.")
    }

    /// Nothing is in flight and the window is open, and yet it is not sent.
    private var held: Diagnosis {
        let still = stillSending ?? .zero
        if unsent > 0, still >= Self.answerTime {
            return Diagnosis(
                .networkLost, .possible,
                "\(unsent.bytes) have not left this machine for \(still.brief), though the peer has"
                    + " room",
                advice: "Look for a firewall or an interface of this machine that holds them back.")
        }
        return moves("\(queued.bytes) are about to be sent", .possible)
    }

    /// A Unix peer has room, and has not read everything.
    private var unreadByPeer: Diagnosis? {
        // Of other sockets nothing is known but the number.
        guard activity.kind == .reading || activity.kind == .exchanging else {
            if let still = now.timeSinceQueuesChanged ?? change?.time, still >= Self.pause {
                return Diagnosis(
                    .peerNotReading, .likely,
                    "\(queued.bytes) (with what it takes to keep them) have waited unread for"
                        + " \(still.brief)",
                    advice: "See what the peer is busy with.")
            }
            return moves("\(queued.bytes) are on their way, and there is room for more", .possible)
        }
        let elapsed = activity.elapsed.map { " for \($0.brief)" } ?? ""
        return Diagnosis(
            .peerNotReading, confidence(after: activity.elapsed ?? .zero),
            "we wait for the peer\(elapsed), which has not read all that we wrote: \(queued.bytes)"
                + " (with what it takes to keep them) wait",
            advice: "See what the peer is busy with: it has not seen the whole request yet.")
    }

    // MARK: Incoming

    /// What stands in the way of bytes that have come.
    var incoming: Diagnosis? {
        guard unread > 0 else { return nil }
        let last = now.timeSinceLastReceive
        switch activity.kind {
        case .reading, .exchanging:
            return moves("\(unread.bytes) have just come", .possible)
        case .writing:
            return moves(
                "all that the kernel took has gone, and \(unread.bytes) have come", .possible)
        case .nothing:
            break
        }
        let still = last ?? now.timeSinceQueuesChanged ?? change?.time ?? .zero
        guard still >= Self.pause else {
            return last == nil && change == nil
                ? Diagnosis(
                    .undetermined, .possible,
                    "\(unread.bytes) wait to be read, and one look does not tell for how long",
                    advice: "Look twice: diagnose(watching: .seconds(1)).")
                : moves("\(unread.bytes) came \(still.brief) ago", .possible)
        }
        let isFull = isOurWindowFull
        let watched = change.map { $0.time >= Self.pause } ?? false
        let blocked =
            isFull
            ? "; our window is full, so the peer can send no more"
            : watched ? "" : "; a program that reads slowly looks the same"
        return Diagnosis(
            .notReading,
            watched && still >= Self.long
                ? (isFull ? .certain : .likely) : confidence(after: still),
            "\(unread.bytes) have waited to be read for \(still.brief)\(blocked)",
            advice: "Read: in a loop of its own if the program is busy elsewhere.")
    }

    // MARK: Nothing anywhere

    /// Both queues are empty.
    var quiet: Diagnosis {
        guard now.sendQueue != nil || now.receiveQueue != nil || isTCP else {
            return Diagnosis(
                .undetermined, .possible, "the kernel tells nothing of this socket",
                advice: "Give every wait a time limit.")
        }
        switch activity.kind {
        case .nothing:
            let last = [now.timeSinceLastSend, now.timeSinceLastReceive].compactMap { $0 }.min()
            return Diagnosis(
                .idle, .certain,
                "nothing waits in either direction"
                    + (last.map { ", and nothing has moved for \($0.brief)" } ?? ""),
                advice: "Nothing is wrong; whoever wants something has to say so.")
        case .writing:
            return moves("all that the kernel took has gone", .possible)
        case .reading, .exchanging:
            return slowlyIncoming ?? hardlySent ?? bothWaiting
        }
    }

    /// Some of what is wanted has come, and not long ago.
    private var slowlyIncoming: Diagnosis? {
        guard activity.received > 0, let elapsed = activity.elapsed,
            let last = now.timeSinceLastReceive ?? activity.timeSinceProgress,
            last < Self.breath || last * 4 < elapsed
        else { return nil }
        return Diagnosis(
            .movingSlowly(
                bytesPerSecond: wholeRate(activity.received, elapsed), limitedBy: nil),
            .likely,
            "\(activity.received.bytes) came in \(elapsed.brief), the last of them \(last.brief) ago",
            advice: "Give it a longer limit: the peer or the network is slow, and not stuck.")
    }

    /// The request was on its way a moment ago: nobody has to have answered yet.
    private var hardlySent: Diagnosis? {
        guard activity.kind == .exchanging, let last = now.timeSinceLastSend, last < Self.breath
        else { return nil }
        return moves("the last that the kernel took went \(last.brief) ago", .possible)
    }

    /// The peer has everything and sends nothing.
    private var bothWaiting: Diagnosis {
        let part =
            activity.received > 0 ? "\(activity.received.bytes) of what is wanted have come; " : ""
        let last = [now.timeSinceLastReceive, activity.timeSinceProgress, activity.elapsed]
            .compactMap { $0 }.first
        let silence = last.map { " for \($0.brief)" } ?? ""
        let unseen =
            isTCP
            ? "the peer's kernel has acknowledged all that we sent"
            : "the peer has read all that we sent"
        return Diagnosis(
            .bothWaiting, last.map { confidence(after: $0) } ?? .possible,
            "\(part)\(unseen), and nothing has come\(silence)",
            advice: "See that the whole request was written, flushed and ended as the peer expects;"
                + " else it is working, or waits for us.")
    }
}

extension Int {
    /// "once", "3 times"
    var times: String { self == 1 ? "once" : "\(self) times" }
}
