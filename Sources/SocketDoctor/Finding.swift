package import Sockets

/// Something on this machine that will not move until somebody does something else than now.
package struct Finding: Sendable {
    /// What it is, the worst first.
    package enum Kind: Int, Hashable, Sendable, CaseIterable, Comparable {
        /// Several programs wait for each other, all round.
        case circle
        /// Both ends of a connection write with full buffers, and neither reads.
        case bothWriting
        /// Both ends of a connection read, and nothing is under way.
        case bothWaiting
        /// What was sent is not acknowledged, though it was sent again.
        case networkLost
        /// Callers wait, and the program that listens does not accept them.
        case notAccepting
        /// One end does not read, and the other has more than fits in between.
        case peerNotReading
        /// What has come lies unread.
        case notReading
        /// A program waits for another that cannot go on itself.
        case peerStuck

        /// The worst comes first.
        package static func < (one: Kind, other: Kind) -> Bool { one.rawValue < other.rawValue }

        /// The name for programs, which never changes. Where ``StallReport/Verdict`` has the same, it
        /// has the same name.
        package var code: String {
            switch self {
            case .circle: "circle"
            case .bothWriting: "both-writing"
            case .bothWaiting: "both-waiting"
            case .networkLost: "network-lost"
            case .notAccepting: "not-accepting"
            case .peerNotReading: "peer-not-reading"
            case .notReading: "not-reading"
            case .peerStuck: "peer-stuck"
            }
        }
    }

    /// What somebody has to do so that the other can go on.
    package enum Deed: String, Hashable, Sendable, CaseIterable {
        case read, write, accept, end
    }

    /// One program that waits for another.
    package struct Link: Hashable, Sendable {
        package var waiter: Int32
        /// The call it is in, where that was to be seen, and on which descriptor.
        package var call: String?
        package var descriptor: Int32?
        /// Who has to do it: any of these.
        package var others: [Int32]
        package var deed: Deed
        /// The waiter's end.
        package var socket: MachineSocket.Identity?
    }

    package var kind: Kind
    package var confidence: StallReport.Confidence
    package var links: [Link]
    /// The connections that are stuck: one or both ends of each, the waiter's first.
    package var connections: [[MachineSocket]]
    /// For how long nothing has moved; nil if nobody knows.
    package var still: Duration?
    /// Whether that is only as long as somebody has watched.
    package var isAtLeast: Bool
    /// With the numbers that it rests on.
    package var evidence: String
    /// What to do.
    package var advice: String
    /// Whose fault it is, as far as that is seen: the programs that would have to act.
    package var culprits: [Int32]

    package init(
        _ kind: Kind, _ confidence: StallReport.Confidence, links: [Link] = [],
        connections: [[MachineSocket]], still: (time: Duration, isAtLeast: Bool)? = nil,
        evidence: String, advice: String, culprits: [Int32] = []
    ) {
        self.kind = kind
        self.confidence = confidence
        self.links = links
        self.connections = connections
        self.still = still?.time
        isAtLeast = still?.isAtLeast ?? false
        self.evidence = evidence
        self.advice = advice
        self.culprits = culprits
    }

    /// All programs that have to do with it, in order.
    package var processes: [Int32] {
        Set(links.flatMap { [$0.waiter] + $0.others } + culprits).sorted()
    }
}

extension Finding: Comparable {
    /// The worst first: by kind, then by how sure it is, then by how long it has lasted.
    package static func < (one: Finding, other: Finding) -> Bool {
        if one.kind != other.kind { return one.kind < other.kind }
        if one.confidence != other.confidence { return one.confidence > other.confidence }
        // Times of the same second are the same: they differ from look to look.
        let (mine, theirs) = (one.wholeSeconds, other.wholeSeconds)
        return mine != theirs ? mine > theirs : one.place < other.place
    }

    package static func == (one: Finding, other: Finding) -> Bool {
        one.kind == other.kind && one.confidence == other.confidence
            && one.wholeSeconds == other.wholeSeconds && one.place == other.place
    }

    private var wholeSeconds: Int64 { still?.components.seconds ?? -1 }

    /// What differs between any two of the same look.
    private var place: UInt64 {
        connections.joined().map(\.identity.cookie).min() ?? UInt64(processes.first ?? 0)
    }
}
