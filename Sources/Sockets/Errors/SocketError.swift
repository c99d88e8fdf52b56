public import SystemPackage

/// The one error of this module: what was tried, on which addresses, why it failed and how far it
/// had got.
///
/// The cause keeps apart the four classes that Python's tutorial teaches (`socket.error`,
/// `socket.gaierror`, `socket.herror`, `socket.timeout`) and a few that only a library has. The
/// description is one line that a person can act on:
///
/// ```
/// cannot connect to db.example:5433: no answer in 10 s (tried 2001:db8::7, 192.0.2.7)
/// ```
///
/// A time-out on a connection adds three more, which say why nothing moved: see `stallReport`.
///
/// The end of a stream is not an error where it can be expected: reads return 0, an empty array or
/// `nil` then. A `SocketError` is one pointer wide.
public struct SocketError: Error, Sendable {
    private let storage: Storage

    /// Describes a failure; the parts that do not apply are left out.
    public init(
        _ operation: Operation,
        _ cause: Cause,
        subject: String? = nil,
        endpoint: Endpoint? = nil,
        localAddress: SocketAddress? = nil,
        remoteAddress: SocketAddress? = nil,
        bytesTransferred: Int = 0,
        unsentRequestBytes: Int = 0,
        partialBytes: [UInt8] = [],
        attempts: [Attempt] = [],
        stallReport: StallReport? = nil
    ) {
        storage = Storage(
            operation: operation, cause: cause, subject: subject, endpoint: endpoint,
            localAddress: localAddress, remoteAddress: remoteAddress,
            bytesTransferred: bytesTransferred,
            unsentRequestBytes: unsentRequestBytes, partialBytes: partialBytes, attempts: attempts,
            stallReport: stallReport)
    }

    /// What was tried.
    public var operation: Operation { storage.operation }

    /// Why it failed.
    public var cause: Cause { storage.cause }

    /// What it was about where that is no address: a host's name, a service, an option.
    public var subject: String? { storage.subject }

    /// The endpoint that was asked for, before it was resolved.
    public var endpoint: Endpoint? { storage.endpoint }

    /// The socket's own address, where it had one.
    public var localAddress: SocketAddress? { storage.localAddress }

    /// The peer's address, where there was one.
    public var remoteAddress: SocketAddress? { storage.remoteAddress }

    /// How many bytes had been sent or received when the operation failed; 0 if none.
    public var bytesTransferred: Int { storage.bytesTransferred }

    /// How many bytes were accepted before and never sent, because the stream was closed; 0 if none.
    public var unsentRequestBytes: Int { storage.unsentRequestBytes }

    /// What `readExactly` had read when the stream ended; otherwise empty.
    public var partialBytes: [UInt8] { storage.partialBytes }

    /// Every address that a connect tried, in the order of the attempts.
    public var attempts: [Attempt] { storage.attempts }

    /// Why a connection stood still until the time limit ended the operation.
    ///
    /// Of a time-out of sending, receiving, reading, writing or exchanging on a connection, if the
    /// operation has waited at all; nil otherwise.
    public var stallReport: StallReport? { storage.stallReport }

    /// The same failure, told of the endpoint that was asked for, or of the whole operation that it
    /// was a step of.
    package func with(
        operation: Operation? = nil, endpoint: Endpoint? = nil, bytesTransferred: Int? = nil,
        unsentRequestBytes: Int? = nil, stallReport: StallReport? = nil
    ) -> SocketError {
        SocketError(
            operation ?? self.operation, cause, subject: subject,
            endpoint: endpoint ?? self.endpoint,
            localAddress: localAddress, remoteAddress: remoteAddress,
            bytesTransferred: bytesTransferred ?? self.bytesTransferred,
            unsentRequestBytes: unsentRequestBytes ?? self.unsentRequestBytes,
            partialBytes: partialBytes,
            attempts: attempts, stallReport: stallReport ?? self.stallReport)
    }

    /// The system's error number, if that is the cause: `error.errno == .connectionRefused`.
    public var errno: Errno? {
        if case .system(let code) = cause { code } else { nil }
    }

    /// Whether a time limit ended the operation.
    public var isTimeout: Bool {
        if case .timedOut = cause { true } else { false }
    }

    /// Why an operation failed. The set may grow: switches need an `@unknown default`.
    @nonexhaustive
    public enum Cause: Hashable, Sendable {
        /// The operating system refused: Python's `socket.error`.
        case system(Errno)
        /// A name could not be resolved: Python's `socket.gaierror`.
        case nameResolution(NameResolutionFailure)
        /// A host's entry could not be found: Python's `socket.herror`.
        case hostLookup(HostLookupFailure)
        /// A time limit ended: Python's `socket.timeout`. `limit` is nil if it was an instant.
        case timedOut(limit: Duration?)
        /// The task was cancelled.
        case cancelled
        /// The socket has been closed, before the operation or while it waited.
        case closed
        /// The stream ended in the middle of what had to be read whole.
        case endOfStream
        /// An earlier write went out only in part, so another would continue in the wrong place.
        case incompleteWrite
        /// Another task is in the middle of the same: a connection has one reader and one writer.
        case busy
        /// A TCP connect found itself: the kernel had picked the wanted port as the source port.
        case selfConnect
        /// A line is longer than the limit, in bytes; the line after it can still be read.
        case lineTooLong(limit: Int)
        /// More bytes came than the limit allows.
        case tooLarge(limit: Int)
        /// The caller's input makes no sense; the text names it and says what was expected.
        case invalidInput(String)
        /// The services database does not know this service.
        case unknownService(String, transport: Transport?)
        /// The machine has no services database.
        case noServicesDatabase
    }

    /// One attempt of a connect.
    public struct Attempt: Hashable, Sendable {
        /// The address that was tried.
        public let address: SocketAddress
        /// Why it failed.
        public let cause: Cause
        /// How long the attempt took.
        public let duration: Duration

        /// Describes one attempt.
        public init(address: SocketAddress, cause: Cause, duration: Duration) {
            self.address = address
            self.cause = cause
            self.duration = duration
        }
    }

    /// What was tried, as a phrase that goes on after "cannot".
    public struct Operation: Hashable, Sendable, CustomStringConvertible {
        let verb: String
        let preposition: String
        let isAboutLocalAddress: Bool

        private init(_ verb: String, _ preposition: String = "", local: Bool = false) {
            self.verb = verb
            self.preposition = preposition
            isAboutLocalAddress = local
        }

        /// Parsing text that a user wrote.
        public static let parse = Operation("parse")
        /// `getaddrinfo`, `getnameinfo`
        public static let resolve = Operation("resolve")
        /// `gethostbyname`, `gethostbyaddr`
        public static let lookUpHost = Operation("look up", "host")
        /// `getservbyname`, `getservbyport`
        public static let lookUpService = Operation("look up", "service")
        /// `gethostname`
        public static let getHostName = Operation("tell this machine's name")
        /// `socket`, `socketpair`
        public static let createSocket = Operation("create a socket")
        /// `bind`
        public static let bind = Operation("bind", "to", local: true)
        /// `listen`
        public static let listen = Operation("listen", "on", local: true)
        /// `accept`
        public static let accept = Operation("accept a connection", "on", local: true)
        /// `connect`
        public static let connect = Operation("connect", "to")
        /// `send`, `sendto`, `sendmsg`
        public static let send = Operation("send", "to")
        /// `recv`, `recvfrom`
        public static let receive = Operation("receive", "from")
        /// Reading from a stream, with a buffer between.
        public static let read = Operation("read", "from")
        /// Writing to a stream, with a buffer between.
        public static let write = Operation("write", "to")
        /// Writing a request and reading its reply.
        public static let exchange = Operation("exchange a request and a reply", "with")
        /// `shutdown`
        public static let shutdown = Operation("shut down the connection", "to")
        /// `getsockopt`
        public static let getOption = Operation("read option")
        /// `setsockopt`
        public static let setOption = Operation("set option")
        /// ParseResult over a descriptor.
        public static let adopt = Operation("adopt")
        /// Giving a descriptor away.
        public static let release = Operation("release the descriptor", "of", local: true)
        /// `dup`
        public static let duplicate = Operation("duplicate the descriptor", "of", local: true)

        /// Finding out why nothing moves.
        public static let diagnose = Operation("look at the connection", "to")
        /// `epoll_create1`, `pthread_create`
        public static let startEventLoop = Operation("start an event loop")

        /// The phrase: "connect to", "look up service".
        public var description: String {
            preposition.isEmpty ? verb : "\(verb) \(preposition)"
        }
    }

    private final class Storage: Sendable {
        let operation: Operation
        let cause: Cause
        let subject: String?
        let endpoint: Endpoint?
        let localAddress: SocketAddress?
        let remoteAddress: SocketAddress?
        let bytesTransferred: Int
        let unsentRequestBytes: Int
        let partialBytes: [UInt8]
        let attempts: [Attempt]
        let stallReport: StallReport?

        init(
            operation: Operation, cause: Cause, subject: String?, endpoint: Endpoint?,
            localAddress: SocketAddress?, remoteAddress: SocketAddress?, bytesTransferred: Int,
            unsentRequestBytes: Int, partialBytes: [UInt8], attempts: [Attempt],
            stallReport: StallReport?
        ) {
            self.operation = operation
            self.cause = cause
            self.subject = subject
            self.endpoint = endpoint
            self.localAddress = localAddress
            self.remoteAddress = remoteAddress
            self.bytesTransferred = bytesTransferred
            self.unsentRequestBytes = unsentRequestBytes
            self.partialBytes = partialBytes
            self.attempts = attempts
            self.stallReport = stallReport
        }
    }
}
