public import SystemPackage

// A pattern matches `any Error`, because that is the type of the error in most closures and in a
// `do` block with other throwing calls.
extension SocketError {
    /// A set of causes that `catch` and `case` can match.
    ///
    /// ```swift
    /// do {
    ///     let connection = try await Connection(to: endpoint, timeout: .seconds(2))
    /// } catch SocketError.connectionRefused {
    ///     print("no server is listening on \(endpoint)")
    /// } catch SocketError.timedOut {
    ///     print("no answer within 2 s")
    /// }
    /// ```
    ///
    /// The patterns, such as `SocketError.timedOut`, match in every context: in a typed `catch`,
    /// beside other throwing calls, and in a closure. Write them with the type's name. A short form
    /// such as `catch .timedOut` matches only if the type of the error is known to be
    /// ``SocketError``.
    public struct Pattern: Sendable {
        private let matches: @Sendable (Cause) -> Bool

        fileprivate init(_ matches: @escaping @Sendable (Cause) -> Bool) { self.matches = matches }

        /// Creates a pattern that matches errors of the operating system with this number.
        ///
        /// - Parameter code: The error number.
        public init(_ code: Errno) { self.init { $0 == .system(code) } }

        /// Returns whether `error` is a ``SocketError`` whose cause the pattern matches.
        ///
        /// - Parameters:
        ///   - pattern: The pattern.
        ///   - error: Any error.
        /// - Returns: `true` if the pattern matches the error's cause.
        @_disfavoredOverload  // `catch .timedOut` would be ambiguous with the `Errno` of that name.
        public static func ~= (pattern: Pattern, error: any Error) -> Bool {
            guard let error = error as? SocketError else { return false }
            return pattern.matches(error.cause)
        }
    }

    /// Returns whether the error's cause is the operating system's error with this number.
    ///
    /// `Errno.timedOut` also matches ``Cause/timedOut(limit:)``, and `Errno.canceled` also matches
    /// ``Cause/cancelled``. Without this overload, `catch .timedOut` would compare the `Errno` with
    /// the error itself and never match.
    ///
    /// - Parameters:
    ///   - code: The error number.
    ///   - error: The error.
    /// - Returns: `true` if the error has this cause.
    public static func ~= (code: Errno, error: SocketError) -> Bool {
        switch error.cause {
        case .system(let systemCode): systemCode == code
        case .timedOut: code == .timedOut
        case .cancelled: code == .canceled
        default: false
        }
    }
}

extension SocketError: SocketErrorPatterns {}
extension SocketError.Pattern: SocketErrorPatterns {}

/// The patterns, as static members of both ``SocketError`` and ``SocketError/Pattern``.
///
/// `SocketError.timedOut` is a member of ``SocketError``. Where the type is inferred, `.timedOut`
/// is a member of ``SocketError/Pattern``.
public protocol SocketErrorPatterns {}

extension SocketErrorPatterns {
    /// Matches an operation that was ended by its time limit, and an operation that failed with
    /// `ETIMEDOUT`.
    public static var timedOut: SocketError.Pattern {
        .init { $0.isTimeout || $0 == .system(.timedOut) }
    }

    /// Matches an operation whose task was cancelled.
    public static var cancelled: SocketError.Pattern { .init { $0 == .cancelled } }

    /// Matches a socket that was closed before or during the operation.
    public static var closed: SocketError.Pattern { .init { $0 == .closed } }

    /// Matches a stream that ended before all of the requested data had arrived.
    public static var endOfStream: SocketError.Pattern { .init { $0 == .endOfStream } }

    /// Matches a write that failed because an earlier write was sent only in part.
    public static var incompleteWrite: SocketError.Pattern { .init { $0 == .incompleteWrite } }

    /// Matches a call that failed because another task was in the same call.
    public static var busy: SocketError.Pattern { .init { $0 == .busy } }

    /// Matches a TCP connect that reached the socket's own port.
    public static var selfConnect: SocketError.Pattern { .init { $0 == .selfConnect } }

    /// Matches a line that is longer than the limit.
    public static var lineTooLong: SocketError.Pattern {
        .init { if case .lineTooLong = $0 { true } else { false } }
    }

    /// Matches data that is longer than the limit.
    public static var tooLarge: SocketError.Pattern {
        .init { if case .tooLarge = $0 { true } else { false } }
    }

    /// Matches an argument or a text that is not valid.
    public static var invalidInput: SocketError.Pattern {
        .init { if case .invalidInput = $0 { true } else { false } }
    }

    /// Matches every TLS failure.
    public static var tls: SocketError.Pattern {
        .init { if case .tls = $0 { true } else { false } }
    }

    /// Matches every failure of a proxy.
    public static var proxy: SocketError.Pattern {
        .init { if case .proxy = $0 { true } else { false } }
    }

    /// Matches a stream that ended without TLS's closing alert (close_notify).
    public static var truncated: SocketError.Pattern { .init { $0 == .tls(.truncated) } }

    /// Matches a failure of `getaddrinfo` or `getnameinfo`.
    public static var nameResolution: SocketError.Pattern {
        .init { if case .nameResolution = $0 { true } else { false } }
    }

    /// Matches a failure of `gethostbyname` or `gethostbyaddr`.
    public static var hostLookup: SocketError.Pattern {
        .init { if case .hostLookup = $0 { true } else { false } }
    }

    /// Matches a service that the services database does not contain.
    public static var unknownService: SocketError.Pattern {
        .init { if case .unknownService = $0 { true } else { false } }
    }

    /// Matches a service lookup on a machine without a services database.
    public static var noServicesDatabase: SocketError.Pattern {
        .init { $0 == .noServicesDatabase }
    }

    /// Matches `ECONNREFUSED`: no process listens on the port.
    public static var connectionRefused: SocketError.Pattern { .init(.connectionRefused) }

    /// Matches `ECONNRESET`: the peer aborted the connection.
    public static var connectionReset: SocketError.Pattern { .init(.connectionReset) }

    /// Matches `EPIPE`: the peer no longer receives.
    public static var brokenPipe: SocketError.Pattern { .init(.brokenPipe) }

    /// Matches `EADDRINUSE`: another socket is bound to the address.
    public static var addressInUse: SocketError.Pattern { .init(.addressInUse) }

    /// Matches `EADDRNOTAVAIL`: the address does not belong to this machine.
    public static var addressNotAvailable: SocketError.Pattern { .init(.addressNotAvailable) }

    /// Matches `ENETUNREACH`: there is no route to the network.
    public static var networkUnreachable: SocketError.Pattern { .init(.networkUnreachable) }

    /// Matches `EHOSTUNREACH`: there is no route to the host.
    public static var noRouteToHost: SocketError.Pattern { .init(.noRouteToHost) }

    /// Matches `EACCES`: the user may not bind this port or use this path.
    public static var permissionDenied: SocketError.Pattern { .init(.permissionDenied) }
}
