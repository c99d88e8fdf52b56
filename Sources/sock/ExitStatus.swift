import Sockets

/// What the program tells the shell: curl's numbers where curl has one.
///
/// A script can tell from the number alone what went wrong, without reading words.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    case otherFailure = 1
    case usage = 2
    /// `doctor`: there is no such port, process or program.
    case noSuchSubject = 3
    /// `doctor`: the sockets of this machine are not to be seen.
    case couldNotLook = 4
    case nameNotResolved = 6
    case unreachable = 7
    case cannotWriteOutput = 23
    case timedOut = 28
    case cannotBind = 45
    case sendFailed = 55
    case receiveFailed = 56
    case interrupted = 130
}

extension ExitStatus {
    /// `doctor` answers a question as grep does: 1 is the answer that something is stuck.
    static let stuck = ExitStatus.otherFailure

    /// The status that belongs to a failure: first by its cause, then by what was tried.
    init(_ error: SocketError) {
        switch error.cause {
        case .invalidInput, .unknownService: self = .usage
        case .nameResolution, .hostLookup, .noServicesDatabase: self = .nameNotResolved
        case .timedOut: self = .timedOut
        case .system(let code): self.init(code, during: error.operation)
        case .endOfStream: self = .receiveFailed
        case .selfConnect: self = .unreachable
        default: self = .otherFailure
        }
    }

    private init(_ code: Errno, during operation: SocketError.Operation) {
        switch (operation, code) {
        // With -s or -p the own address is bound in the course of connecting.
        case (.bind, _), (.listen, _), (.connect, .addressInUse),
            (.connect, .addressNotAvailable):
            self = .cannotBind
        case (_, .timedOut):
            self = .timedOut
        // What has run short here says nothing of the way there.
        case (.connect, .tooManyOpenFiles), (.connect, .tooManyOpenFilesInSystem),
            (.connect, .noBufferSpace), (.connect, .noMemory):
            self = .otherFailure
        case (_, .connectionRefused), (_, .noRouteToHost), (_, .networkUnreachable),
            (_, .networkDown), (_, .hostIsDown), (.connect, _):
            self = .unreachable
        // A reset is a failure of the peer's half, whichever of our two halves saw it first.
        case (_, .connectionReset), (.receive, _):
            self = .receiveFailed
        case (.send, _), (.shutdown, _):
            self = .sendFailed
        default:
            self = .otherFailure
        }
    }
}
