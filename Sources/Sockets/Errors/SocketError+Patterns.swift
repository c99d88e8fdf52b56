public import SystemPackage

// `catch SocketError.timedOut` needs a value that is compared with any error, because a `do` with
// other throwing calls and most closures have errors of the type `any Error`.
extension SocketError {
    /// A set of causes, for the patterns of `catch` and `case`.
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
    /// beside other throwing calls, and in a closure. Write them with the type's name. A short
    /// form such as `catch .timedOut` only matches if the type of the error is known to be
    /// ``SocketError``.
    public struct Pattern: Sendable {
        private let matches: @Sendable (Cause) -> Bool

        fileprivate init(_ matches: @escaping @Sendable (Cause) -> Bool) {
            self.matches = matches
        }

        /// Creates a pattern that matches errors of the operating system with this number.
        ///
        /// - Parameter code: The error number.
        public init(_ code: Errno) {
            self.init { $0 == .system(code) }
        }

        /// Returns whether `error` is a ``SocketError`` with a cause of the pattern.
        ///
        /// - Parameters:
        ///   - pattern: The pattern.
        ///   - error: Any error.
        /// - Returns: `true` if the error has a cause of the pattern.
        @_disfavoredOverload  // `catch .timedOut` would be ambiguous with the `Errno` of that name.
        public static func ~= (pattern: Pattern, error: any Error) -> Bool {
            guard let error = error as? SocketError else { return false }
            return pattern.matches(error.cause)
        }
    }

    /// Returns whether the error's cause is this error of the operating system.
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

/// Provides the pattern members, so that `SocketError.timedOut` compiles, and `.timedOut` where the
/// type is inferred.
public protocol SocketErrorPatterns {}

extension SocketErrorPatterns {
    /// Matches the end of a time limit, and `ETIMEDOUT`.
    public static var timedOut: SocketError.Pattern {
        SocketError.Pattern { $0.isTimeout || $0 == .system(.timedOut) }
    }

    /// Matches the cancellation of the task.
    public static var cancelled: SocketError.Pattern { SocketError.Pattern { $0 == .cancelled } }

    /// Matches a socket that was closed before or during the operation.
    public static var closed: SocketError.Pattern { SocketError.Pattern { $0 == .closed } }

    /// Matches the end of a stream in the middle of the data to read.
    public static var endOfStream: SocketError.Pattern {
        SocketError.Pattern { $0 == .endOfStream }
    }

    /// Matches the error of a write that was refused because an earlier write was sent only in
    /// part.
    public static var incompleteWrite: SocketError.Pattern {
        SocketError.Pattern { $0 == .incompleteWrite }
    }

    /// Matches a call during the same call of another task.
    public static var busy: SocketError.Pattern { SocketError.Pattern { $0 == .busy } }

    /// Matches a TCP connect to the socket's own port.
    public static var selfConnect: SocketError.Pattern {
        SocketError.Pattern { $0 == .selfConnect }
    }

    /// Matches a line that is longer than the limit.
    public static var lineTooLong: SocketError.Pattern {
        SocketError.Pattern { if case .lineTooLong = $0 { true } else { false } }
    }

    /// Matches data that is longer than the limit.
    public static var tooLarge: SocketError.Pattern {
        SocketError.Pattern { if case .tooLarge = $0 { true } else { false } }
    }

    /// Matches an argument or a text that is not valid.
    public static var invalidInput: SocketError.Pattern {
        SocketError.Pattern { if case .invalidInput = $0 { true } else { false } }
    }

    /// Matches a failure of `getaddrinfo` or `getnameinfo`.
    public static var nameResolution: SocketError.Pattern {
        SocketError.Pattern { if case .nameResolution = $0 { true } else { false } }
    }

    /// Matches a failure of `gethostbyname` or `gethostbyaddr`.
    public static var hostLookup: SocketError.Pattern {
        SocketError.Pattern { if case .hostLookup = $0 { true } else { false } }
    }

    /// Matches a service that the services database does not contain.
    public static var unknownService: SocketError.Pattern {
        SocketError.Pattern { if case .unknownService = $0 { true } else { false } }
    }

    /// Matches a machine without a services database.
    public static var noServicesDatabase: SocketError.Pattern {
        SocketError.Pattern { $0 == .noServicesDatabase }
    }

    /// Matches `ECONNREFUSED`: no process listens on the port.
    public static var connectionRefused: SocketError.Pattern { .init(.connectionRefused) }

    /// Matches `ECONNRESET`: the peer aborted the connection.
    public static var connectionReset: SocketError.Pattern { .init(.connectionReset) }

    /// Matches `EPIPE`: the peer no longer receives.
    public static var brokenPipe: SocketError.Pattern { .init(.brokenPipe) }

    /// Matches `EADDRINUSE`: another socket is bound to the address.
    public static var addressInUse: SocketError.Pattern { .init(.addressInUse) }

    /// Matches `EADDRNOTAVAIL`: the address is not one of this machine.
    public static var addressNotAvailable: SocketError.Pattern { .init(.addressNotAvailable) }

    /// Matches `ENETUNREACH`: there is no route to the network.
    public static var networkUnreachable: SocketError.Pattern { .init(.networkUnreachable) }

    /// Matches `EHOSTUNREACH`: there is no route to the host.
    public static var noRouteToHost: SocketError.Pattern { .init(.noRouteToHost) }

    /// Matches `EACCES`: the user may not bind this port or use this path.
    public static var permissionDenied: SocketError.Pattern { .init(.permissionDenied) }
}
