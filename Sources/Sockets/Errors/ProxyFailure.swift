/// The reason why a proxy did not connect: the cause of a ``SocketError`` with
/// ``SocketError/Cause/proxy(_:)``.
///
/// ```swift
/// do {
///     let connection = try await Connection(to: endpoint, options: options)
/// } catch let error as SocketError {
///     if case .proxy(.authenticationRequired) = error.cause { print("Give a password") }
/// }
/// ```
///
/// ``SocketError/proxyStep`` names the proxy. The set may grow, so switches need an
/// `@unknown default`. A failure contains no secret.
@nonexhaustive
public enum ProxyFailure: Error, Hashable, Sendable {
    /// A SOCKS5 proxy replied with this code, which is not 0 (RFC 1928, section 6).
    case socks5Reply(UInt8)
    /// A SOCKS4 proxy replied with this code, which is not 90.
    case socks4Reply(UInt8)
    /// An HTTP proxy replied with this status, which is not 2xx (RFC 9110, section 9.3.6).
    case httpStatus(Int, reason: String)
    /// The proxy requires a user and a password, but the program gave none.
    case authenticationRequired
    /// The proxy refused the user or the password.
    case authenticationRefused
    /// The proxy requires a method of authentication that this library does not support.
    ///
    /// The library supports only authentication with a user and a password: RFC 1929 for SOCKS5,
    /// and the Basic scheme for HTTP.
    case authenticationUnsupported
    /// The proxy closed the connection after this number of bytes of its reply.
    case closed(receivedBytes: Int)
    /// The proxy sent something other than a reply of its protocol. The associated value contains
    /// the first bytes.
    case unexpectedReply([UInt8])
    /// The reply of the proxy is longer than the limit in bytes.
    case replyTooLong(limit: Int)
}

extension ProxyFailure: CustomStringConvertible {
    /// The failure as a phrase that can follow a colon.
    public var description: String { "the proxy \(predicate)" }

    /// The failure as a phrase that can follow the name of the proxy.
    var predicate: String {
        switch self {
        case .socks5Reply(let code): "\(Self.meaning(ofSOCKS5: code)) (SOCKS5 reply \(code))"
        case .socks4Reply(let code): "\(Self.meaning(ofSOCKS4: code)) (SOCKS4 reply \(code))"
        case .httpStatus(let status, let reason):
            reason.isEmpty
                ? "replied \(status)" : "replied \(status) \(TerminalText.escaped(reason))"
        case .authenticationRequired: "requires a user and a password"
        case .authenticationRefused: "refused the user or the password"
        case .authenticationUnsupported: "requires an authentication that is not supported"
        case .closed(0): "closed the connection without a reply"
        case .closed(let count): "closed the connection after \(count.bytes) of its reply"
        case .unexpectedReply(let bytes):
            "sent '\(TerminalText.escaped(bytes.prefix(Self.shownBytes)))' instead of a reply"
        case .replyTooLong(let limit): "sent a reply that is longer than \(limit.bytes)"
        }
    }

    /// The number of bytes that the text of an unexpected reply shows.
    static let shownBytes = 48

    /// Returns the meaning of a SOCKS5 reply code (RFC 1928, section 6).
    private static func meaning(ofSOCKS5 code: UInt8) -> String {
        switch code {
        case 1: "failed without a reason"
        case 2: "does not allow the connection"
        case 3: "cannot connect: network unreachable"
        case 4: "cannot connect: host unreachable"
        case 5: "cannot connect: connection refused"
        case 6: "cannot connect: time to live expired"
        case 7: "does not support connections"
        case 8: "does not support this type of address"
        default: "cannot connect"
        }
    }

    /// Returns the meaning of a SOCKS4 reply code.
    private static func meaning(ofSOCKS4 code: UInt8) -> String {
        switch code {
        case 91: "rejected the connection, or cannot connect"
        case 92: "cannot reach the identd of this machine"
        case 93: "received another user from the identd of this machine"
        default: "cannot connect"
        }
    }
}
