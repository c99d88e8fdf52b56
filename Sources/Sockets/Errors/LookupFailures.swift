/// Why `getaddrinfo` or `getnameinfo` found nothing: Python's `socket.gaierror`.
public struct NameResolutionFailure: Hashable, Sendable, CustomStringConvertible {
    /// The number that C knows it by, `EAI_NONAME` and its like.
    public let code: Int32
    /// What `gai_strerror` says of it.
    public let message: String
    /// The name does not exist, or has no address of the wanted family.
    public let isNotFound: Bool
    /// A name server did not answer: the same question may be answered later.
    public let isTemporary: Bool

    package init(code: Int32, message: String, isNotFound: Bool, isTemporary: Bool) {
        self.code = code
        self.message = message
        self.isNotFound = isNotFound
        self.isTemporary = isTemporary
    }

    /// The message in lower case, to stand behind a colon.
    public var description: String { message.withLowercasedFirst }
}

/// Why a look-up of a host's names and addresses found nothing: Python's `socket.herror`.
@nonexhaustive
public enum HostLookupFailure: Hashable, Sendable, CustomStringConvertible {
    /// `HOST_NOT_FOUND`: there is no such host.
    case hostNotFound
    /// `TRY_AGAIN`: a name server did not answer; the same question may be answered later.
    case tryAgain
    /// `NO_RECOVERY`: a name server refused or failed.
    case noRecovery
    /// `NO_DATA`: the name exists, but has no address.
    case noData

    /// One phrase, as `hstrerror` would say it.
    public var description: String {
        switch self {
        case .hostNotFound: "unknown host"
        case .tryAgain: "host name look-up failure, try again"
        case .noRecovery: "unknown server error"
        case .noData: "no address associated with this name"
        }
    }
}

extension String {
    /// A phrase as it stands at the beginning of a sentence.
    package var withUppercasedFirst: String {
        prefix(1).uppercased() + dropFirst()
    }

    /// "Connection refused" as it stands in the middle of a sentence.
    package var withLowercasedFirst: String {
        prefix(1).lowercased() + dropFirst()
    }
}
