package import Sockets

/// A stall on this machine: nothing moves until a program changes what it does.
package struct Finding: Sendable {
    /// The kinds of findings, the worst first.
    package enum Kind: Int, Hashable, Sendable, CaseIterable, Comparable {
        /// A deadlock: several programs wait for each other in a cycle.
        case circularWait
        /// A deadlock: both ends of a connection write with full buffers, and neither reads.
        case bothWriting
        /// Both ends of a connection wait for data, and no bytes are under way.
        case bothWaiting
        /// Data was sent several times and is not acknowledged.
        case networkLost
        /// Clients wait, and the program that listens does not accept them.
        case notAccepting
        /// One end does not read, and the other has more bytes than the buffers hold.
        case peerNotReading
        /// Bytes have arrived and are not read.
        case notReading
        /// A program waits for another that is stuck.
        case peerStuck

        /// Returns whether the first kind is worse.
        package static func < (first: Kind, second: Kind) -> Bool {
            first.rawValue < second.rawValue
        }

        /// The name for programs, which never changes.
        ///
        /// Kinds that ``StallReport/Verdict`` has as well have the same name there.
        package var code: String {
            switch self {
            case .circularWait: "circular-wait"
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

    /// What a process has to do so that the waiter can continue.
    package enum Action: String, Hashable, Sendable, CaseIterable {
        case read, write, accept, exit
    }

    /// An edge of the wait-for graph: one process that waits for others.
    package struct WaitEdge: Hashable, Sendable {
        package var waiter: Int32
        /// The call in which the process waits, if it is visible, and the descriptor.
        package var call: String?
        package var descriptor: Int32?
        /// The processes of which any could end the wait.
        package var blockers: [Int32]
        package var action: Action
        /// The waiter's end.
        package var socket: MachineSocket.Identity?
    }

    package var kind: Kind
    package var confidence: StallReport.Confidence
    package var edges: [WaitEdge]
    /// The stuck connections: one or both ends of each, the waiter's first.
    package var connections: [[MachineSocket]]
    /// How long nothing has moved; nil if it is unknown.
    package var stallDuration: Duration?
    /// Whether the stall may be longer, because it was observed only for this long.
    package var isLowerBound: Bool
    /// The numbers behind the finding.
    package var evidence: String
    /// What to do.
    package var advice: String
    /// The processes that have to act, as far as they are visible.
    package var blockers: [Int32]

    package init(
        _ kind: Kind, _ confidence: StallReport.Confidence, edges: [WaitEdge] = [],
        connections: [[MachineSocket]], stall: (time: Duration, isLowerBound: Bool)? = nil,
        evidence: String, advice: String, blockers: [Int32] = []
    ) {
        self.kind = kind
        self.confidence = confidence
        self.edges = edges
        self.connections = connections
        stallDuration = stall?.time
        isLowerBound = stall?.isLowerBound ?? false
        self.evidence = evidence
        self.advice = advice
        self.blockers = blockers
    }

    /// All processes of the finding, in order.
    package var processes: [Int32] {
        Set(edges.flatMap { [$0.waiter] + $0.blockers } + blockers).sorted()
    }
}

extension Finding: Comparable {
    /// Returns whether the first finding is worse: by kind, then by confidence, then by duration.
    package static func < (first: Finding, second: Finding) -> Bool {
        if first.kind != second.kind { return first.kind < second.kind }
        if first.confidence != second.confidence { return first.confidence > second.confidence }
        // Durations of the same whole second are equal, because they differ from sample to sample.
        let (firstSeconds, secondSeconds) = (first.wholeSeconds, second.wholeSeconds)
        return firstSeconds != secondSeconds
            ? firstSeconds > secondSeconds : first.tieBreaker < second.tieBreaker
    }

    package static func == (first: Finding, second: Finding) -> Bool {
        first.kind == second.kind && first.confidence == second.confidence
            && first.wholeSeconds == second.wholeSeconds && first.tieBreaker == second.tieBreaker
    }

    private var wholeSeconds: Int64 { stallDuration?.components.seconds ?? -1 }

    /// A number that differs between any two findings of the same sample.
    private var tieBreaker: UInt64 {
        connections.joined().map(\.identity.cookie).min() ?? UInt64(processes.first ?? 0)
    }
}
