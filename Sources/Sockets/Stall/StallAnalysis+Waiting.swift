// Diagnoses of connections on which one end waits for the other.
extension StallAnalysis {
    // MARK: Outgoing

    /// The diagnosis if the send queue contains bytes.
    var outgoing: Diagnosis? {
        guard sendQueue > 0 else { return nil }
        if isPeerFull { return peerFull }
        if isTCP { return isInFlight ? inFlight : heldBack }
        return unreadByPeer
    }

    /// The diagnosis if the peer accepts no more bytes.
    private var peerFull: Diagnosis {
        let still = timeSinceSending ?? waitWithoutProgress
        let shortest = activity.kind == .nothing ? Self.observedStall : Self.schedulingDelay
        if let still, still < shortest {
            return moves(
                "bytes were sent \(still.brief) ago, which is too recent for a verdict", .possible)
        }
        if still == nil, activity.kind == .nothing {
            return Diagnosis(
                .undetermined, .possible,
                "\(sendQueue.bytes) wait for the peer to read them, and one sample cannot show whether"
                    + " the peer reads",
                advice: "Take more samples: diagnose(watching: .seconds(1)).")
        }
        // If both directions are full, report a deadlock. The longer the wait, the higher is the
        // confidence.
        if isOurWindowFull, reads.here ?? 0 == 0 {
            return deadlock(confidence(after: still ?? activity.elapsed ?? .zero))
        }
        let level = still.map { confidence(after: $0) } ?? .possible
        return slowReader ?? peerStopped(still, level)
    }

    /// Returns what keeps this end from sending, and for how long if `time` is not empty.
    private func blockage(_ time: String = "") -> String {
        guard isTCP else { return "\(sendQueue.bytes) wait in the peer's full buffer\(time)" }
        let window = now.sendWindow.map { "is \($0.bytes)" } ?? "is closed"
        return "\(notSent.bytes) have not been sent\(time) because the peer's window \(window)"
    }

    private func deadlock(_ level: StallReport.Confidence) -> Diagnosis {
        let ours = now.receiveWindow.map { ", so the window of this end is \($0.bytes)" } ?? ""
        return Diagnosis(
            .bothWriting, isTCP && level == .likely ? .certain : level,
            "\(blockage()), and \(receiveQueue.bytes) from the peer wait here to be read\(ours)",
            advice: "Read while you write, with `exchange` or in another thread or task.")
    }

    private func peerStopped(_ still: Duration?, _ level: StallReport.Confidence) -> Diagnosis {
        let time = still.map { " for \($0.brief)" } ?? ""
        let waiting =
            receiveQueue > 0 ? "; \(receiveQueue.bytes) from the peer wait here to be read" : ""
        return Diagnosis(
            .peerNotReading, level,
            "\(blockage(time)); a peer that reads slowly looks the same until it has read more"
                + waiting,
            advice: receiveQueue > 0
                ? "Read what has arrived, because the peer may have to send more before it reads."
                : "Find out what keeps the peer busy, because no bytes are sent until it reads.")
    }

    /// How long an operation has waited without sending a byte.
    ///
    /// For Unix sockets, the kernel reports no time of the last send. But an operation that has
    /// sent nothing has waited since it began.
    private var waitWithoutProgress: Duration? {
        activity.kind != .nothing && activity.sent == 0 ? activity.elapsed : nil
    }

    /// The diagnosis if the peer accepted bytes since the operation began, so it may be reading
    /// slowly.
    private var slowReader: Diagnosis? {
        let sign: String
        if isTCP {
            guard let elapsed = activity.elapsed, elapsed >= Self.answerTime,
                let sent = now.timeSinceLastSend, sent * 4 < elapsed
            else { return nil }
            sign = "the peer accepted bytes \(sent.brief) ago"
        } else {
            // The peer has read at least the sent bytes that are not in the queue. It may have read
            // more, because the reported queue length includes the kernel's overhead.
            guard timeSinceSending == nil, activity.kind == .writing, activity.sent > sendQueue
            else { return nil }
            let read = (activity.sent - sendQueue).bytes
            sign = "the peer has read at least \(read) since this write began"
        }
        return Diagnosis(
            .peerReadingSlowly(bytesPerSecond: nil), .possible,
            "\(blockage()); \(sign), so it reads slowly or has stopped since",
            advice: Self.adviceForSlowReader)
    }

    /// The diagnosis if bytes were sent but are not acknowledged yet.
    private var inFlight: Diagnosis {
        let sent = now.timeSinceLastSend ?? .zero
        let what =
            now.unacknowledgedBytes.map { $0 > 0 ? "\($0.bytes) are" : "data is" } ?? "data is"
        if sent >= Self.answerTime {
            return Diagnosis(
                .networkLost, .possible,
                "\(what) in flight, and nothing was acknowledged for \(sent.brief)",
                advice: adviceForLostNetwork)
        }
        if activity.kind == .nothing || sent < Self.operationStall {
            return moves("\(what) in flight, sent \(sent.brief) ago", .possible)
        }
        return Diagnosis(
            .undetermined, .possible,
            "\(what) in flight, nothing was acknowledged for \(sent.brief), and the kernel has not"
                + " sent it again yet",
            advice: "Set a longer time limit, because it takes a second to detect a lost network.")
    }

    /// The diagnosis if bytes are not sent although the window is open and nothing is in flight.
    private var heldBack: Diagnosis {
        let still = timeSinceSending ?? .zero
        if notSent > 0, still >= Self.answerTime {
            return Diagnosis(
                .networkLost, .possible,
                "\(notSent.bytes) have not left this machine for \(still.brief), although the peer"
                    + " accepts more",
                advice: "Check the firewall and the network interfaces of this machine.")
        }
        return moves("\(sendQueue.bytes) are about to be sent", .possible)
    }

    /// The diagnosis if a Unix peer has buffer space but has not read everything.
    private var unreadByPeer: Diagnosis? {
        // For Unix sockets, the reported queue length includes the kernel's overhead, so mention
        // it.
        let waiting = "\(sendQueue.bytes) (with the kernel's overhead)"
        guard activity.kind == .reading || activity.kind == .exchanging else {
            let still = now.timeSinceQueuesChanged ?? change?.time
            if let still, still >= Self.observedStall {
                return Diagnosis(
                    .peerNotReading, .likely,
                    "\(waiting) have waited \(still.brief) for the peer to read them",
                    advice: "Find out what keeps the peer busy.")
            }
            return moves(
                "\(sendQueue.bytes) are on their way, and the buffer is not full", .possible)
        }
        let elapsed = activity.elapsed.map { " for \($0.brief)" } ?? ""
        return Diagnosis(
            .peerNotReading, confidence(after: activity.elapsed ?? .zero),
            "this end has waited\(elapsed), but the peer has not read everything: \(waiting) wait"
                + " at the peer",
            advice: "Find out what keeps the peer busy, because it has not read the whole request.")
    }

    // MARK: Incoming

    /// The diagnosis if bytes arrived but have not been read.
    var incoming: Diagnosis? {
        guard receiveQueue > 0 else { return nil }
        let last = now.timeSinceLastReceive
        switch activity.kind {
        case .reading, .exchanging:
            return moves("\(receiveQueue.bytes) have just arrived", .possible)
        case .writing:
            return moves(
                "everything that was written was sent, and \(receiveQueue.bytes) have arrived",
                .possible)
        case .nothing: break
        }
        let still = last ?? now.timeSinceQueuesChanged ?? change?.time ?? .zero
        guard still >= Self.observedStall else {
            return last == nil && change == nil
                ? Diagnosis(
                    .undetermined, .possible,
                    "\(receiveQueue.bytes) wait to be read, and one sample cannot show for how long",
                    advice: "Take more samples: diagnose(watching: .seconds(1)).")
                : moves("\(receiveQueue.bytes) arrived \(still.brief) ago", .possible)
        }
        let isFull = isOurWindowFull
        let isObserved = change.map { $0.time >= Self.observedStall } ?? false
        let consequence =
            isFull
            ? "; the receive buffer of this end is full, so the peer cannot send more"
            : isObserved ? "" : "; a program that reads slowly looks the same"
        return Diagnosis(
            .notReading,
            isObserved && still >= Self.likelyStall
                ? (isFull ? .certain : .likely) : confidence(after: still),
            "\(receiveQueue.bytes) have waited to be read for \(still.brief)\(consequence)",
            advice: "Read from the connection, in a separate thread or task if the program is busy."
        )
    }

    // MARK: Empty queues

    /// The diagnosis if both queues are empty.
    var quiet: Diagnosis {
        guard now.sendQueue != nil || now.receiveQueue != nil || isTCP else {
            return Diagnosis(
                .undetermined, .possible, "the kernel reports nothing about this socket",
                advice: "Set a time limit for every wait.")
        }
        switch activity.kind {
        case .nothing:
            let last = [now.timeSinceLastSend, now.timeSinceLastReceive].compactMap { $0 }.min()
            return Diagnosis(
                .idle, .certain,
                "no bytes wait in either direction"
                    + (last.map { ", and none were transferred for \($0.brief)" } ?? ""),
                advice: "Nothing is stuck; neither end is sending.")
        case .writing: return moves("everything that was written was sent", .possible)
        case .reading, .exchanging: return slowlyArriving ?? justSent ?? bothWaiting
        }
    }

    /// The diagnosis if a part of the expected bytes has arrived, the last of them recently.
    private var slowlyArriving: Diagnosis? {
        guard activity.received > 0, let elapsed = activity.elapsed,
            let last = now.timeSinceLastReceive ?? activity.timeSinceProgress,
            last < Self.schedulingDelay || last * 4 < elapsed
        else { return nil }
        return Diagnosis(
            .movingSlowly(bytesPerSecond: wholeRate(activity.received, elapsed), limitedBy: nil),
            .likely,
            "\(activity.received.bytes) arrived in \(elapsed.brief), the last of them \(last.brief)"
                + " ago",
            advice: "Set a longer time limit, because the peer or the network is only slow.")
    }

    /// The diagnosis if the request was sent so recently that a reply is not due yet.
    private var justSent: Diagnosis? {
        guard activity.kind == .exchanging, let last = now.timeSinceLastSend,
            last < Self.schedulingDelay
        else { return nil }
        return moves("the last bytes were sent \(last.brief) ago", .possible)
    }

    /// The diagnosis if the peer has received everything but sends nothing.
    private var bothWaiting: Diagnosis {
        let part =
            activity.received > 0
            ? "\(activity.received.bytes) of the expected data have arrived; " : ""
        let last = [now.timeSinceLastReceive, activity.timeSinceProgress, activity.elapsed]
            .compactMap { $0 }.first
        let silence = last.map { " for \($0.brief)" } ?? ""
        let received =
            isTCP
            ? "the peer's kernel has acknowledged everything" : "the peer has read everything"
        return Diagnosis(
            .bothWaiting, last.map { confidence(after: $0) } ?? .possible,
            "\(part)\(received), and nothing has arrived\(silence)",
            advice:
                "Check whether the peer is still working, or waits for this end to send first, to flush"
                + " its buffer or to end the request.")
    }
}

extension Int {
    /// The number as text, such as "once" or "3 times".
    var times: String { self == 1 ? "once" : "\(self) times" }
}
