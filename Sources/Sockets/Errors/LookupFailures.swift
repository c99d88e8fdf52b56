/// The reason why `getaddrinfo` or `getnameinfo` found nothing: Python's `socket.gaierror`.
public struct NameResolutionFailure: Hashable, Sendable, CustomStringConvertible {
    /// The C code, such as `EAI_NONAME`.
    public let code: Int32
    /// The text of `gai_strerror` for the code, or a more exact reason.
    public let message: String
    /// A Boolean value that indicates whether the name does not exist, or has no address of the
    /// requested family.
    public let isNotFound: Bool
    /// A Boolean value that indicates whether a name server did not answer, so a later attempt may
    /// succeed.
    public let isTemporary: Bool

    package init(code: Int32, message: String, isNotFound: Bool, isTemporary: Bool) {
        self.code = code
        self.message = message
        self.isNotFound = isNotFound
        self.isTemporary = isTemporary
    }

    /// The message with a lower-case first letter, to follow a colon.
    public var description: String { message.withLowercasedFirst }
}

/// The reason why a lookup of a host's names and addresses found nothing: Python's `socket.herror`.
@nonexhaustive
public enum HostLookupFailure: Hashable, Sendable, CustomStringConvertible {
    /// `HOST_NOT_FOUND`: the host does not exist.
    case hostNotFound
    /// `TRY_AGAIN`: a name server did not answer, so a later attempt may succeed.
    case tryAgain
    /// `NO_RECOVERY`: a name server refused or failed.
    case noRecovery
    /// `NO_DATA`: the name exists but has no address.
    case noData

    /// The text of `hstrerror`, with a lower-case first letter.
    public var description: String {
        switch self {
        case .hostNotFound: "unknown host"
        case .tryAgain: "host name lookup failure, try again"
        case .noRecovery: "unknown server error"
        case .noData: "no address associated with this name"
        }
    }
}

extension String {
    /// The text with an upper-case first letter, to begin a sentence.
    package var withUppercasedFirst: String { prefix(1).uppercased() + dropFirst() }

    /// The text with a lower-case first letter, to continue a sentence.
    package var withLowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
