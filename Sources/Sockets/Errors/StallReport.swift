/// Why a transfer stands still: a verdict, what it rests on, and what to do.
///
/// The error of a time-out carries one (`error.stallReport`), and `diagnose` makes one at any
/// moment:
///
/// ```swift
/// print(try socket.diagnose(watching: .seconds(5)))
/// ```
///
/// It is what one end can see. A verdict is drawn from what the kernel tells of the socket at one
/// moment, or at two; where two causes look alike from here, the evidence names both and
/// `confidence` is lower.
public struct StallReport: Sendable {
    /// What is wrong, if anything is. The set may grow: switches need an `@unknown default`.
    @nonexhaustive
    public enum Verdict: Hashable, Sendable {
        /// The peer's program does not read: our bytes wait, and its kernel takes no more.
        case peerNotReading
        /// The peer reads, and less than we would send; nil if the rate could not be measured.
        case peerReadingSlowly(bytesPerSecond: Int?)
        /// A deadlock: both ends write with full buffers, and neither reads.
        case bothWriting
        /// The peer has acknowledged everything and sends nothing: it waits for us, or it works.
        case bothWaiting
        /// Nothing gets through to the peer's machine any more, or nothing comes back.
        case networkLost
        /// The connection is over, or the peer has ended its half: it was closed, reset or given up.
        case peerGone
        /// We do not read: bytes of the peer wait here.
        case notReading
        /// Bytes move, slower than they are wanted; what limits them is nil where it cannot be seen.
        case movingSlowly(bytesPerSecond: Int?, limitedBy: Limitation?)
        /// Bytes move.
        case moving
        /// Nothing is under way in either direction, and nobody was seen to wait.
        case idle
        /// The kernel tells too little, or it is too early to tell.
        case undetermined

        /// The verdict's name for programs, which never changes: "peer-not-reading".
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

        /// Whether nothing will move until somebody does something else than now: bytes that move,
        /// however slowly, and a connection that nobody needs at the moment are not stuck.
        public var isStuck: Bool {
            switch self {
            case .peerNotReading, .bothWriting, .bothWaiting, .networkLost, .peerGone, .notReading:
                true
            case .peerReadingSlowly, .movingSlowly, .moving, .idle, .undetermined:
                false
            }
        }
    }

    /// What keeps bytes from moving faster.
    public enum Limitation: Hashable, Sendable {
        /// The peer reads no faster.
        case peerWindow
        /// The network loses segments, or carries no more.
        case congestion
    }

    /// How sure a verdict is.
    public enum Confidence: Int, Hashable, Sendable, Comparable, CaseIterable {
        /// The statistics fit, and so would another cause.
        case possible
        /// Another cause would be unusual.
        case likely
        /// The statistics fit nothing else.
        case certain

        /// Less sure comes first.
        public static func < (left: Confidence, right: Confidence) -> Bool {
            left.rawValue < right.rawValue
        }
    }

    /// What is wrong, if anything is.
    public var verdict: Verdict { contents.verdict }

    /// How sure that is.
    public var confidence: Confidence { contents.confidence }

    /// One sentence with the numbers that the verdict rests on.
    public var evidence: String { contents.evidence }

    /// One sentence that says what to do.
    public var advice: String { contents.advice }

    /// What the kernel told: at the later of two looks.
    public var statistics: ConnectionStatistics { contents.statistics }

    /// How far apart the two looks were; zero if there was one.
    public var samplingInterval: Duration { contents.samplingInterval }

    /// What was being tried.
    package var activity: Activity { contents.activity }

    /// One pointer wide: room for all of the statistics would be kept in the frame of every task that
    /// waits, for a report that it hardly ever makes.
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
    /// Whether both say the same of the same statistics.
    public static func == (left: StallReport, right: StallReport) -> Bool {
        left.contents == right.contents
    }

    /// Feeds everything that the report says.
    public func hash(into hasher: inout Hasher) { hasher.combine(contents) }
}

extension StallReport: CustomStringConvertible {
    /// Three lines, a sentence each: the verdict with its code and confidence, the evidence, the
    /// advice.
    public var description: String { sentences.joined(separator: "\n") }

    /// The lines of the description.
    package var sentences: [String] {
        ["\(verdict) (\(verdict.code), \(confidence)).".withUppercasedFirst, evidence, advice]
    }
}

extension StallReport.Verdict: CustomStringConvertible {
    /// A phrase: "both ends are writing, and neither reads".
    public var description: String {
        switch self {
        case .peerNotReading: "the peer is not reading"
        case .peerReadingSlowly(let rate):
            "the peer reads slowly" + (rate.map { ", \($0.bytesPerSecond)" } ?? "")
        case .bothWriting: "both ends are writing, and neither reads"
        case .bothWaiting: "both ends are waiting"
        case .networkLost: "the network is lost"
        case .peerGone: "the peer is gone"
        case .notReading: "we are not reading"
        case .movingSlowly(let rate, let limit):
            "bytes move slowly" + (rate.map { ", \($0.bytesPerSecond)" } ?? "")
                + (limit.map { ", \($0)" } ?? "")
        case .moving: "bytes are moving"
        case .idle: "nothing is under way"
        case .undetermined: "the statistics do not tell"
        }
    }
}

extension StallReport.Limitation: CustomStringConvertible {
    /// A phrase: "limited by the peer's window".
    public var description: String {
        switch self {
        case .peerWindow: "limited by the peer's window"
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
    /// "512 bytes a second", "80 KB a second": three digits say enough of a rate.
    package var bytesPerSecond: String {
        switch self {
        case ..<10_000: "\(self) \(self == 1 ? "byte" : "bytes") a second"
        case ..<10_000_000: "\(self / 1000) KB a second"
        default: "\(self / 1_000_000) MB a second"
        }
    }
}
