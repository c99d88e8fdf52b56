/// The traffic class of a packet: `IP_TOS` of IPv4, `IPV6_TCLASS` of IPv6.
///
/// ```swift
/// let voice = TrafficClass(.expeditedForwarding, ecn: .capable0)
/// ```
///
/// The upper six bits are the differentiated services code point, by which routers choose a queue
/// (RFC 2474). The lower two bits are the explicit congestion notification (RFC 3168).
public struct TrafficClass: RawRepresentable, Hashable, Sendable {
    /// The byte in the packet's header.
    public let rawValue: UInt8

    /// Creates a traffic class from the byte in the packet's header.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Creates a traffic class from its two parts.
    public init(_ codePoint: CodePoint, ecn: ECN = .notCapable) {
        rawValue = codePoint.rawValue << 2 | ecn.rawValue
    }

    /// The differentiated services code point.
    public var codePoint: CodePoint { CodePoint(bits: rawValue >> 2) }

    /// The explicit congestion notification.
    public var ecn: ECN {
        switch rawValue & 3 {
        case 0: .notCapable
        case 1: .capable1
        case 2: .capable0
        default: .congestionExperienced
        }
    }

    /// The explicit congestion notification of a packet (RFC 3168, section 5).
    public enum ECN: UInt8, Hashable, Sendable, CaseIterable {
        /// The sender does not react to congestion marks: Not-ECT.
        case notCapable = 0
        /// Routers may mark the packet instead of dropping it: ECT(1), which requests low latency
        /// (RFC 9331).
        case capable1 = 1
        /// Routers may mark the packet instead of dropping it: ECT(0).
        case capable0 = 2
        /// A router has marked the packet, because the router's queue was growing: CE.
        case congestionExperienced = 3
    }

    /// A differentiated services code point, 0 to 63 (RFC 2474).
    public struct CodePoint: RawRepresentable, Hashable, Sendable {
        /// The number of the code point, 0 to 63.
        public let rawValue: UInt8

        /// Creates a code point from its number, or returns `nil` if the number is above 63.
        public init?(rawValue: UInt8) {
            guard rawValue < 64 else { return nil }
            self.rawValue = rawValue
        }

        fileprivate init(bits: UInt8) { rawValue = bits }

        /// The class of ordinary traffic: DF, or CS0 (RFC 2474).
        public static let standard = CodePoint(bits: 0)
        /// The class of traffic that yields to all other traffic: LE (RFC 8622).
        public static let lowerEffort = CodePoint(bits: 1)
        /// The class with low loss and low delay, such as for voice: EF (RFC 3246).
        public static let expeditedForwarding = CodePoint(bits: 46)

        /// Class selector 1 (RFC 2474).
        public static let cs1 = CodePoint(bits: 8)
        /// Class selector 2 (RFC 2474).
        public static let cs2 = CodePoint(bits: 16)
        /// Class selector 3 (RFC 2474).
        public static let cs3 = CodePoint(bits: 24)
        /// Class selector 4 (RFC 2474).
        public static let cs4 = CodePoint(bits: 32)
        /// Class selector 5 (RFC 2474).
        public static let cs5 = CodePoint(bits: 40)
        /// Class selector 6, for routing protocols (RFC 2474).
        public static let cs6 = CodePoint(bits: 48)
        /// Class selector 7, for the network's own control (RFC 2474).
        public static let cs7 = CodePoint(bits: 56)

        /// Assured forwarding class 1 with low drop precedence (RFC 2597).
        public static let af11 = CodePoint(bits: 10)
        /// Assured forwarding class 1 with medium drop precedence (RFC 2597).
        public static let af12 = CodePoint(bits: 12)
        /// Assured forwarding class 1 with high drop precedence (RFC 2597).
        public static let af13 = CodePoint(bits: 14)
        /// Assured forwarding class 2 with low drop precedence (RFC 2597).
        public static let af21 = CodePoint(bits: 18)
        /// Assured forwarding class 2 with medium drop precedence (RFC 2597).
        public static let af22 = CodePoint(bits: 20)
        /// Assured forwarding class 2 with high drop precedence (RFC 2597).
        public static let af23 = CodePoint(bits: 22)
        /// Assured forwarding class 3 with low drop precedence (RFC 2597).
        public static let af31 = CodePoint(bits: 26)
        /// Assured forwarding class 3 with medium drop precedence (RFC 2597).
        public static let af32 = CodePoint(bits: 28)
        /// Assured forwarding class 3 with high drop precedence (RFC 2597).
        public static let af33 = CodePoint(bits: 30)
        /// Assured forwarding class 4 with low drop precedence (RFC 2597).
        public static let af41 = CodePoint(bits: 34)
        /// Assured forwarding class 4 with medium drop precedence (RFC 2597).
        public static let af42 = CodePoint(bits: 36)
        /// Assured forwarding class 4 with high drop precedence (RFC 2597).
        public static let af43 = CodePoint(bits: 38)
    }
}
