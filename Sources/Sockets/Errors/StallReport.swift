/// An explanation of why a transfer is stalled: a verdict, the evidence for it, and advice.
///
/// The error of a timeout contains a report (``SocketError/stallReport``), and `diagnose` creates a
/// report at any time:
///
/// ```swift
/// print(try socket.diagnose(watching: .seconds(5)))
/// ```
///
/// A report describes what one end can see. The verdict is derived from one or two samples of the
/// kernel's statistics about the socket. If two causes look the same from this end, the evidence
/// names both causes, and ``confidence-swift.property`` is lower.
public struct StallReport: Sendable {
    /// The state of a transfer, and the cause if the transfer is stalled.
    ///
    /// The set may grow, so switches need an `@unknown default`.
    @nonexhaustive
    public enum Verdict: Hashable, Sendable {
        /// The peer's program does not read, so the peer's kernel accepts no more of our bytes.
        case peerNotReading
        /// The peer reads more slowly than this end sends; the rate is nil if it could not be
        /// measured.
        case peerReadingSlowly(bytesPerSecond: Int?)
        /// A deadlock: both ends write with full buffers, and neither reads.
        case bothWriting
        /// Both ends wait for data, which is a deadlock if each expects the other to send first.
        ///
        /// The peer has acknowledged everything and sends nothing. From this end, a peer that is
        /// still working looks the same.
        case bothWaiting
        /// Nothing reaches the peer's machine any more, or nothing comes back.
        case networkLost
        /// The connection was closed or reset, the kernel gave it up, or the peer has half-closed
        /// it.
        case peerGone
        /// This end does not read, so bytes from the peer wait here.
        case notReading
        /// Bytes move, but too slowly; the rate and the limitation are nil if they are unknown.
        case movingSlowly(bytesPerSecond: Int?, limitedBy: Limitation?)
        /// Bytes move, so the transfer is not stalled.
        case moving
        /// No bytes are in flight in either direction, and no operation waits for bytes.
        case idle
        /// The kernel reports too little for a verdict, or it is too early for a verdict.
        case undetermined

        /// The verdict's stable name for programs, such as "peer-not-reading".
        public var code: String {
            switch self {
            case .peerNotReading: "peer-not-reading"
            case .peerReadingSlowly: "peer-reading-slowly"
            case .bothWriting: "both-writing"
            case .bothWaiting: "both-waiting"
            case .networkLost: "network-lost"
            case .peerGone: "peer-gone"
            case .notReading: "not-reading"
            case .movingSlowly: "moving-slowly"
            case .moving: "moving"
            case .idle: "idle"
            case .undetermined: "undetermined"
            }
        }

        /// A Boolean value that indicates whether the transfer cannot continue by itself.
        ///
        /// A slow transfer and an idle connection are not stuck.
        public var isStuck: Bool {
            switch self {
            case .peerNotReading, .bothWriting, .bothWaiting, .networkLost, .peerGone, .notReading:
                true
            case .peerReadingSlowly, .movingSlowly, .moving, .idle, .undetermined: false
            }
        }
    }

    /// A factor that limits the rate of a transfer.
    ///
    /// The set may grow, so switches need an `@unknown default`.
    @nonexhaustive
    public enum Limitation: Hashable, Sendable {
        /// The network loses segments, or has reached its capacity.
        case congestion
    }

    /// The certainty of a verdict.
    public enum Confidence: Int, Hashable, Sendable, Comparable, CaseIterable {
        /// The statistics fit the verdict but also fit another cause.
        case possible
        /// The statistics also fit another cause, which would be unusual.
        case likely
        /// The statistics fit only the verdict.
        case certain

        /// Returns whether the left confidence is lower than the right one.
        public static func < (left: Confidence, right: Confidence) -> Bool {
            left.rawValue < right.rawValue
        }
    }

    /// The state of the transfer, and the cause if the transfer is stalled.
    public var verdict: Verdict { contents.verdict }

    /// The certainty of the verdict.
    public var confidence: Confidence { contents.confidence }

    /// One sentence with the numbers behind the verdict.
    public var evidence: String { contents.evidence }

    /// One sentence that says what to do.
    public var advice: String { contents.advice }

    /// The kernel's statistics, from the last sample if there were several.
    public var statistics: ConnectionStatistics { contents.statistics }

    /// The time between the first and the last sample; zero if there was only one sample.
    public var samplingInterval: Duration { contents.samplingInterval }

    /// What the operation was doing.
    package var activity: Activity { contents.activity }

    /// The parts of the report, in a box.
    ///
    /// The box makes a report one pointer wide. Without it, every waiting task would reserve memory
    /// for all statistics in its frame, although it rarely creates a report.
    private var contents: Contents { box.contents }
    private let box: Box

    private struct Contents: Hashable {
        let verdict: Verdict
        let confidence: Confidence
        let evidence: String
        let advice: String
        let statistics: ConnectionStatistics
        let samplingInterval: Duration
        let activity: Activity
    }

    private final class Box: Sendable {
        let contents: Contents
        init(_ contents: Contents) { self.contents = contents }
    }

    package init(
        _ verdict: Verdict, _ confidence: Confidence, evidence: String, advice: String,
        statistics: ConnectionStatistics, samplingInterval: Duration = .zero,
        activity: Activity = .nothing
    ) {
        box = Box(
            Contents(
                verdict: verdict, confidence: confidence, evidence: evidence, advice: advice,
                statistics: statistics, samplingInterval: samplingInterval, activity: activity))
    }
}

extension StallReport: Hashable {
    /// Returns whether all parts of the two reports are equal, including the statistics.
    public static func == (left: StallReport, right: StallReport) -> Bool {
        left.contents == right.contents
    }

    /// Hashes all parts of the report, including the statistics.
    public func hash(into hasher: inout Hasher) { hasher.combine(contents) }
}

extension StallReport: CustomStringConvertible {
    /// Three lines of one sentence each: the verdict with its code and confidence, the evidence,
    /// and the advice.
    public var description: String { sentences.joined(separator: "\n") }

    /// The lines of the description.
    package var sentences: [String] {
        ["\(verdict) (\(verdict.code), \(confidence)).".withUppercasedFirst, evidence, advice]
    }
}

extension StallReport.Verdict: CustomStringConvertible {
    /// A phrase, such as "deadlock: both ends are writing, and neither reads".
    public var description: String {
        switch self {
        case .peerNotReading: "the peer is not reading"
        case .peerReadingSlowly(let rate):
            "the peer reads slowly" + (rate.map { ", \($0.bytesPerSecond)" } ?? "")
        case .bothWriting: "deadlock: both ends are writing, and neither reads"
        case .bothWaiting:
            "both ends wait for data, a deadlock if each expects the other to send first"
        case .networkLost: "the peer's machine does not answer"
        case .peerGone: "the peer is gone"
        case .notReading: "this end is not reading"
        case .movingSlowly(let rate, let limit):
            "bytes move slowly" + (rate.map { ", \($0.bytesPerSecond)" } ?? "")
                + (limit.map { ", \($0)" } ?? "")
        case .moving: "bytes are moving"
        case .idle: "the connection is idle"
        case .undetermined: "the cause is undetermined"
        }
    }
}

extension StallReport.Limitation: CustomStringConvertible {
    /// A phrase, such as "limited by the network".
    public var description: String {
        switch self {
        case .congestion: "limited by the network"
        }
    }
}

extension StallReport.Confidence: CustomStringConvertible {
    /// "certain", "likely" or "possible".
    public var description: String {
        switch self {
        case .possible: "possible"
        case .likely: "likely"
        case .certain: "certain"
        }
    }
}

extension Int {
    /// The number as a rounded rate, such as "512 bytes a second" or "80 KB a second".
    package var bytesPerSecond: String {
        switch self {
        case ..<10_000: "\(self) \(self == 1 ? "byte" : "bytes") a second"
        case ..<10_000_000: "\(self / 1000) KB a second"
        default: "\(self / 1_000_000) MB a second"
        }
    }
}
