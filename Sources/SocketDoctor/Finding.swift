package import Sockets

/// A stall on this machine, in which no bytes are transferred until a program changes what it does.
package struct Finding: Sendable {
    /// The kinds of findings, with the worst first.
    package enum Kind: Int, Hashable, Sendable, CaseIterable, Comparable {
        /// A deadlock: several programs wait for each other in a cycle.
        case circularWait
        /// A deadlock: both ends of a connection write with full buffers, and neither reads.
        case bothWriting
        /// Both ends of a connection wait for data, and no bytes are under way.
        case bothWaiting
        /// Data was sent several times and is not acknowledged.
        case networkLost
        /// Clients wait to be accepted, but the listening program does not accept them.
        case notAccepting
        /// One end does not read, and the other end has more bytes to send than the buffers can
        /// hold.
        case peerNotReading
        /// Bytes have arrived, but the program does not read them.
        case notReading
        /// A program waits for another program, which is itself stuck.
        case peerStuck
        /// The peer has closed or half-closed a connection, but the program has not closed it.
        case notClosed

        /// Returns whether the first kind is worse.
        package static func < (first: Kind, second: Kind) -> Bool {
            first.rawValue < second.rawValue
        }

        /// The machine-readable name, which never changes.
        ///
        /// If a kind is also a ``StallReport/Verdict``, both have the same name.
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
            case .notClosed: "not-closed"
            }
        }
    }

    /// The action of another process that would let a waiter continue.
    package enum Action: String, Hashable, Sendable, CaseIterable {
        case read, write, accept, exit
    }

    /// An edge of the wait-for graph, from one waiting process to the processes that it waits for.
    package struct WaitEdge: Hashable, Sendable {
        package var waiter: Int32
        /// The call in which the process waits, or nil if it is not visible.
        package var call: String?
        /// The descriptor for which the process waits, or nil if it is not visible.
        package var descriptor: Int32?
        /// The processes, any of which could end the wait.
        package var blockers: [Int32]
        package var action: Action
        /// The waiter's end of the connection; nil if the wait is not for a socket.
        package var socket: MachineSocket.Identity?
    }

    package var kind: Kind
    package var confidence: StallReport.Confidence
    package var edges: [WaitEdge]
    /// The stuck connections, each with one or both ends, the waiter's end first.
    package var connections: [[MachineSocket]]
    /// How long no bytes were transferred; nil if that is unknown.
    package var stallDuration: Duration?
    /// A Boolean value that indicates whether the stall may have begun before it was observed.
    package var isLowerBound: Bool
    /// The facts that support the finding.
    package var evidence: String
    /// The advice on how to end the stall.
    package var advice: String
    /// The visible processes that have to act to end the stall.
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

    /// A Boolean value that indicates whether something is probably stuck.
    ///
    /// A finding that is only `possible` may describe a program that still computes its answer.
    package var isLikely: Bool { confidence >= .likely }

    /// All processes of the finding, in ascending order.
    package var processes: [Int32] {
        Set(edges.flatMap { [$0.waiter] + $0.blockers } + blockers).sorted()
    }
}

extension Finding: Comparable {
    /// Returns whether the first finding is worse.
    ///
    /// The kinds are compared first, then the confidences, and then the durations.
    package static func < (first: Finding, second: Finding) -> Bool {
        if first.kind != second.kind { return first.kind < second.kind }
        if first.confidence != second.confidence { return first.confidence > second.confidence }
        // Compare durations in whole seconds, because fractions would change the order from sample
        // to sample.
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
