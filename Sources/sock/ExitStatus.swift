import Sockets

/// The program's exit status, which equals the status of curl if curl has one for the failure.
///
/// A script can identify the failure from the number alone.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    case otherFailure = 1
    case usage = 2
    /// `doctor`: the port, process or program does not exist.
    case notFound = 3
    /// `doctor`: the sockets of this machine cannot be inspected.
    case cannotInspect = 4
    case nameNotResolved = 6
    case unreachable = 7
    case cannotWriteOutput = 23
    case timedOut = 28
    case tlsHandshake = 35
    case cannotBind = 45
    case sendFailed = 55
    case receiveFailed = 56
    /// This program's own certificate or private key is missing or unusable.
    case ownCertificate = 58
    /// The peer's certificate is missing or not accepted.
    case peerCertificate = 60
    /// The file of the trusted issuers cannot be used.
    case caFile = 77
    case pinMismatch = 90
}

extension ExitStatus {
    /// The status of `doctor` if something is stuck.
    ///
    /// It is 1, as with grep, where 1 is a negative result and not an error. The number is
    /// unambiguous, because `doctor` fails with other statuses, such as `cannotInspect`.
    static let stuck = ExitStatus.otherFailure

    /// Creates the status from the cause of an error, or also from its operation if the cause alone
    /// does not decide.
    init(_ error: SocketError) {
        switch error.cause {
        // An international name is valid, but this machine has no libidn2 to look it up.
        case .invalidInput where error.operation == .resolve: self = .nameNotResolved
        case .invalidInput, .unknownService: self = .usage
        case .nameResolution, .hostLookup, .noServicesDatabase: self = .nameNotResolved
        case .timedOut: self = .timedOut
        case .system(let code): self.init(code, during: error.operation)
        case .endOfStream: self = .receiveFailed
        case .selfConnect: self = .unreachable
        case .tls(let failure): self.init(failure, during: error.operation)
        default: self = .otherFailure
        }
    }

    private init(_ failure: TLSFailure, during operation: SocketError.Operation) {
        switch failure {
        case .expired, .notYetValid, .wrongHost, .selfSigned, .unknownIssuer, .wrongPurpose,
            .invalidCertificate:
            self = .peerCertificate
        // With TLS 1.3, the server refuses the client's certificate after the client has finished
        // its handshake, so the operation does not matter.
        case .clientCertificateRequired, .clientCertificateRefused, .keyMismatch, .unreadable,
            .wrongPassword, .invalidConfiguration:
            self = .ownCertificate
        case .pinMismatch: self = .pinMismatch
        case .unavailable: self = .tlsHandshake
        default: self = operation == .startTLS ? .tlsHandshake : .receiveFailed
        }
    }

    private init(_ code: Errno, during operation: SocketError.Operation) {
        switch (operation, code) {
        case (.bind, _), (.listen, _):
            self = .cannotBind
        // The zone of an address names an interface that does not exist.
        case (.resolve, .operationNotSupportedByDevice):
            self = .nameNotResolved
        case (_, .timedOut):
            self = .timedOut
        // A local shortage does not mean that the peer is unreachable, so it has another status.
        case (.connect, .tooManyOpenFiles), (.connect, .tooManyOpenFilesInSystem),
            (.connect, .noBufferSpace), (.connect, .noMemory):
            self = .otherFailure
        case (.startTLS, _): self = .tlsHandshake
        // A reset comes from the peer, so the status is the same for every operation. Even
        // connecting reports it if the peer resets at once.
        case (_, .connectionReset):
            self = .receiveFailed
        case (_, .connectionRefused), (_, .noRouteToHost), (_, .networkUnreachable),
            (_, .networkDown), (_, .hostIsDown), (.connect, _):
            self = .unreachable
        // The kernel reports this number if an ICMPv6 message says that a firewall rejects the
        // packets.
        case (.send, .permissionDenied), (.receive, .permissionDenied):
            self = .unreachable
        case (.receive, _):
            self = .receiveFailed
        case (.send, _), (.shutdown, _):
            self = .sendFailed
        default:
            self = .otherFailure
        }
    }
}
