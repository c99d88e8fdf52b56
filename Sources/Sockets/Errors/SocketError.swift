public import SystemPackage

/// The error of this module: the operation, the addresses, the cause, and the bytes transferred.
///
/// ``cause`` distinguishes the four error classes of Python (`socket.error`, `socket.gaierror`,
/// `socket.herror`, `socket.timeout`). The description is one line:
///
/// ```
/// cannot connect to db.example:5433: no answer in 10 s (tried 2001:db8::7, 192.0.2.7)
/// ```
///
/// Catch an error by its cause with a ``Pattern``, which matches in every context:
///
/// ```swift
/// do {
///     let connection = try await Connection(to: .tcp("db.example", port: 5433))
/// } catch SocketError.connectionRefused {
///     print("the server is not running")
/// }
/// ```
///
/// The error of a timeout on a connection has three more lines, which explain why the transfer was
/// stalled (see ``stallReport``). A few other errors have one more line with a ``hint``.
///
/// The expected end of a stream is not an error, so reads return 0, an empty array or `nil`. A
/// `SocketError` is one pointer wide.
public struct SocketError: Error, Sendable {
    private let storage: Storage
    private var contents: Contents { storage.contents }

    /// Creates an error.
    ///
    /// Parts that do not apply keep their default values.
    ///
    /// - Parameters:
    ///   - operation: The operation that failed.
    ///   - cause: Why it failed.
    ///   - subject: The object of the operation, if it is not an address: a host, a service, an
    ///     option.
    ///   - endpoint: The endpoint before it was resolved.
    ///   - localAddress: The socket's own address.
    ///   - remoteAddress: The peer's address.
    ///   - bytesTransferred: The number of bytes that had been sent or received.
    ///   - bytesReturned: The number of bytes that a join had moved in the opposite direction, or
    ///     `nil` for other operations.
    ///   - unsentRequestBytes: The number of bytes that were accepted but never sent.
    ///   - partialBytes: The bytes that had been read when the stream ended.
    ///   - attempts: The attempts of a connect.
    ///   - stallReport: Why the transfer was stalled.
    ///   - hint: What to do about the error, in one sentence.
    ///   - proxyStep: The proxy that failed.
    @inline(never)  // Otherwise the frame of every waiting task would reserve space for the parts.
    public init(
        _ operation: Operation,
        _ cause: Cause,
        subject: String? = nil,
        endpoint: Endpoint? = nil,
        localAddress: SocketAddress? = nil,
        remoteAddress: SocketAddress? = nil,
        bytesTransferred: Int = 0,
        bytesReturned: Int? = nil,
        unsentRequestBytes: Int = 0,
        partialBytes: [UInt8] = [],
        attempts: [Attempt] = [],
        stallReport: StallReport? = nil,
        hint: String? = nil,
        proxyStep: ProxyStep? = nil
    ) {
        self.init(
            Contents(
                operation: operation, cause: cause, subject: subject, endpoint: endpoint,
                localAddress: localAddress, remoteAddress: remoteAddress,
                bytesTransferred: bytesTransferred, bytesReturned: bytesReturned,
                unsentRequestBytes: unsentRequestBytes, partialBytes: partialBytes,
                attempts: attempts, stallReport: stallReport,
                hint: hint ?? TimeLimitScope.hint(for: cause), proxyStep: proxyStep))
    }

    private init(_ contents: Contents) { storage = Storage(contents) }

    /// The operation that failed.
    public var operation: Operation { contents.operation }

    /// Why the operation failed.
    public var cause: Cause { contents.cause }

    /// The object of the operation, if it is not an address: a host's name, a service, an option.
    public var subject: String? { contents.subject }

    /// The value to which the option ``subject`` could not be set.
    var optionValue: String? { contents.optionValue }

    /// The endpoint before it was resolved.
    public var endpoint: Endpoint? { contents.endpoint }

    /// The socket's own address, if it had one.
    public var localAddress: SocketAddress? { contents.localAddress }

    /// The peer's address, if there was one.
    public var remoteAddress: SocketAddress? { contents.remoteAddress }

    /// The number of bytes that had been sent or received when the operation failed; 0 if there
    /// were none.
    public var bytesTransferred: Int { contents.bytesTransferred }

    /// The number of bytes that a join had moved from the argument of `join` to the connection on
    /// which the program called `join`; `nil` for other operations.
    ///
    /// For a join, ``bytesTransferred`` counts the bytes that moved to the argument.
    public var bytesReturned: Int? { contents.bytesReturned }

    /// The number of request bytes that were never sent because the stream was closed; 0 if there
    /// are none.
    public var unsentRequestBytes: Int { contents.unsentRequestBytes }

    /// The bytes that a call received before it failed, if the requested data was incomplete and no
    /// later call returns these bytes; empty for other errors.
    public var partialBytes: [UInt8] { contents.partialBytes }

    /// The failed attempts of a connect, in the order in which they started.
    public var attempts: [Attempt] { contents.attempts }

    /// The reason why the connection was stalled until the time limit ended the operation.
    ///
    /// It is set if a send, receive, read, write or exchange on a connection waited and timed out.
    /// Otherwise it is `nil`, for example if a write timed out while it waited for another task's
    /// write.
    public var stallReport: StallReport? { contents.stallReport }

    /// What the program or its user can do about the error, in one sentence; `nil` if the cause
    /// says enough.
    ///
    /// An error has a hint if its reason lies on this machine and is easily misunderstood. Such
    /// reasons are a missing zone, the lack of a free local port, and the limit of a
    /// `withTimeLimit`.
    public var hint: String? { contents.hint ?? hintOfAddress }

    /// The proxy that failed, or `nil` if the connect used no proxy or if all proxies connected.
    public var proxyStep: ProxyStep? { contents.proxyStep }

    /// Returns a copy of the error that names the endpoint of the failed connect.
    ///
    /// An error about the local address is returned unchanged.
    func connecting(to endpoint: Endpoint) -> SocketError {
        operation.isAboutLocalAddress ? self : with(endpoint: endpoint)
    }

    /// Returns a copy of the error with the given parts replaced.
    @inline(never)  // As the initializer.
    package func with(
        operation: Operation? = nil, subject: String? = nil, endpoint: Endpoint? = nil,
        localAddress: SocketAddress? = nil, bytesTransferred: Int? = nil,
        bytesReturned: Int? = nil, unsentRequestBytes: Int? = nil, partialBytes: [UInt8]? = nil,
        stallReport: StallReport? = nil, hint: String? = nil, optionValue: String? = nil
    ) -> SocketError {
        var contents = contents
        contents.operation = operation ?? contents.operation
        contents.subject = subject ?? contents.subject
        contents.endpoint = endpoint ?? contents.endpoint
        contents.localAddress = localAddress ?? contents.localAddress
        contents.bytesTransferred = bytesTransferred ?? contents.bytesTransferred
        contents.bytesReturned = bytesReturned ?? contents.bytesReturned
        contents.unsentRequestBytes = unsentRequestBytes ?? contents.unsentRequestBytes
        contents.partialBytes = partialBytes ?? contents.partialBytes
        contents.stallReport = stallReport ?? contents.stallReport
        contents.hint = hint ?? contents.hint
        contents.optionValue = optionValue ?? contents.optionValue
        return SocketError(contents)
    }

    /// The system's error number, such as `.connectionRefused`, or `nil` if the error has another
    /// cause.
    public var errno: Errno? {
        if case .system(let code) = cause { code } else { nil }
    }

    /// A Boolean value that indicates whether a time limit ended the operation.
    public var isTimeout: Bool {
        if case .timedOut = cause { true } else { false }
    }

    /// Why an operation failed.
    ///
    /// The set may grow, so switches need an `@unknown default`.
    @nonexhaustive
    public enum Cause: Hashable, Sendable {
        /// An error of the operating system: Python's `socket.error`.
        case system(Errno)
        /// A failed name resolution: Python's `socket.gaierror`.
        case nameResolution(NameResolutionFailure)
        /// A failed host lookup: Python's `socket.herror`.
        case hostLookup(HostLookupFailure)
        /// The time limit ended the operation: Python's `socket.timeout`. `limit` is `nil` if the
        /// limit was an instant or that of a `withTimeLimit`.
        case timedOut(limit: Duration?)
        /// The task was cancelled.
        case cancelled
        /// The socket was closed before or during the operation.
        case closed
        /// The stream ended before all of the requested data had arrived.
        case endOfStream
        /// An earlier write was sent only in part, so another write would corrupt the stream.
        case incompleteWrite
        /// Another task is in the same call. A connection allows only one reader at a time, but its
        /// writers wait for each other.
        case busy
        /// A TCP connect reached its own socket, because the kernel had chosen the destination port
        /// as the source port.
        case selfConnect
        /// A line is longer than the limit in bytes. The next line can still be read.
        case lineTooLong(limit: Int)
        /// The data is longer than the limit in bytes.
        case tooLarge(limit: Int)
        /// An argument or a text is not valid. The associated value says what was expected.
        case invalidInput(String)
        /// TLS failed, for example because the peer's certificate is not trusted.
        // Indirect, because a larger cause would enlarge the frames of all functions that throw
        // one.
        indirect case tls(TLSFailure)
        /// A proxy did not connect, for example because it requires a password.
        // Indirect for the same reason.
        indirect case proxy(ProxyFailure)
        /// The services database does not contain this service.
        case unknownService(String, transport: Transport?)
        /// The machine has no services database.
        case noServicesDatabase
    }

    /// An attempt to connect to one address.
    public struct Attempt: Hashable, Sendable {
        /// The address of the attempt.
        public let address: SocketAddress
        /// Why the attempt failed.
        public let cause: Cause
        /// The duration of the attempt.
        public let duration: Duration

        /// Creates an attempt.
        ///
        /// - Parameters:
        ///   - address: The address of the attempt.
        ///   - cause: Why the attempt failed.
        ///   - duration: The duration of the attempt.
        public init(address: SocketAddress, cause: Cause, duration: Duration) {
            self.address = address
            self.cause = cause
            self.duration = duration
        }
    }

    /// An operation, as the phrase that follows "cannot" in an error's text.
    public struct Operation: Hashable, Sendable, CustomStringConvertible {
        let verb: String
        let preposition: String
        let isAboutLocalAddress: Bool
        /// A Boolean value that indicates whether the phrase needs an object.
        ///
        /// Otherwise the phrase itself names the object.
        let hasObject: Bool

        private init(
            _ verb: String, _ preposition: String = "", local: Bool = false, hasObject: Bool = true
        ) {
            self.verb = verb
            self.preposition = preposition
            isAboutLocalAddress = local
            self.hasObject = hasObject
        }

        /// Parsing of text.
        public static let parse = Operation("parse")
        /// Resolving a name or an address: `getaddrinfo`, `getnameinfo`.
        public static let resolve = Operation("resolve")
        /// Looking up a host: `gethostbyname`, `gethostbyaddr`.
        public static let lookUpHost = Operation("look up", "host")
        /// Looking up a service: `getservbyname`, `getservbyport`.
        public static let lookUpService = Operation("look up", "service")
        /// Getting this machine's name: `gethostname`.
        public static let getHostName = Operation("get this machine's name", hasObject: false)
        /// Listing the network interfaces: `getifaddrs`.
        public static let listInterfaces = Operation(
            "list the network interfaces", hasObject: false)
        /// Creating a socket: `socket`, `socketpair`.
        public static let createSocket = Operation("create a socket", hasObject: false)
        /// Binding to a local address: `bind`.
        public static let bind = Operation("bind", "to", local: true)
        /// Listening for clients: `listen`.
        public static let listen = Operation("listen", "on", local: true)
        /// Accepting a client: `accept`.
        public static let accept = Operation("accept a connection", "on", local: true)
        /// Connecting to a peer: `connect`.
        public static let connect = Operation("connect", "to")
        /// Sending: `send`, `sendto`, `sendmsg`.
        public static let send = Operation("send", "to")
        /// Receiving: `recv`, `recvfrom`.
        public static let receive = Operation("receive", "from")
        /// Buffered reading from a stream.
        public static let read = Operation("read", "from")
        /// Buffered writing to a stream.
        public static let write = Operation("write", "to")
        /// Reading the file of `sendFile`: `sendfile`, `pread`.
        public static let sendFile = Operation("send", "file")
        /// Writing a request while reading the reply.
        public static let exchange = Operation("exchange a request and a reply", "with")
        /// Joining two connections: `splice`, `recv`, `send`.
        public static let join = Operation("join the connection", "to")
        /// Waiting until the peer closes a connection: `poll`.
        public static let awaitHangup = Operation("wait for the hang-up", "of")
        /// Waiting until a descriptor is ready for reading or writing: `poll`, `epoll_wait`.
        public static let awaitReadiness = Operation("wait for")
        /// Half-closing a connection: `shutdown`.
        public static let shutdown = Operation("shut down the connection", "to")
        /// Reading an option: `getsockopt`.
        public static let getOption = Operation("read option")
        /// Setting an option: `setsockopt`.
        public static let setOption = Operation("set option")
        /// Taking over the ownership of a descriptor.
        public static let adopt = Operation("adopt")
        /// Giving up the ownership of a descriptor.
        public static let release = Operation("release the descriptor", "of", local: true)
        /// Using a descriptor in a closure.
        public static let useDescriptor = Operation("use the descriptor", "of", local: true)
        /// Duplicating a descriptor: `dup`.
        public static let duplicate = Operation("duplicate the descriptor", "of", local: true)

        /// The handshake of TLS.
        public static let startTLS = Operation("start TLS", "with")
        /// Reading a certificate or a private key.
        public static let loadCertificate = Operation("load", "the certificate")

        /// Finding out why a connection is stalled.
        public static let diagnose = Operation("diagnose the connection", "to")
        /// Starting an event loop: `epoll_create1`, `pthread_create`.
        public static let startEventLoop = Operation("start an event loop", hasObject: false)
        /// Starting a thread of a server: `pthread_create`.
        public static let startThread = Operation("start a thread", hasObject: false)
        /// Starting a thread for a lookup, because the lookup has a time limit or belongs to a
        /// task.
        public static let startLookup = Operation("start a thread to look up")

        /// The operation as a phrase, such as "connect to" or "look up service".
        public var description: String {
            preposition.isEmpty ? verb : "\(verb) \(preposition)"
        }
    }

    private struct Contents {
        var operation: Operation
        let cause: Cause
        var subject: String?
        var endpoint: Endpoint?
        var localAddress: SocketAddress?
        let remoteAddress: SocketAddress?
        var bytesTransferred: Int
        var bytesReturned: Int?
        var unsentRequestBytes: Int
        var partialBytes: [UInt8]
        let attempts: [Attempt]
        var stallReport: StallReport?
        var hint: String?
        let proxyStep: ProxyStep?
        /// The value to which the option could not be set.
        var optionValue: String?
    }

    private final class Storage: Sendable {
        let contents: Contents
        init(_ contents: Contents) { self.contents = contents }
    }
}
