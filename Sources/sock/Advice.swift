import Sockets

/// What to do next, in one line, after something has failed.
enum Advice {
    static func after(_ error: SocketError, _ status: ExitStatus) -> String? {
        switch status {
        case .nameNotResolved: return afterNameResolution(error)
        case .unreachable: return afterConnect(error)
        case .timedOut:
            return "A firewall may be dropping packets. Change the limit with -w 30s."
        case .cannotBind: return afterBind(error)
        case .receiveFailed:
            return "The peer broke off; what had arrived before is on standard output."
        case .sendFailed:
            return "The peer has stopped listening; not all of the input has reached it."
        case .otherFailure: return afterOther(error)
        case .success, .usage, .noSuchSubject, .couldNotLook, .cannotWriteOutput, .interrupted:
            return nil
        }
    }

    private static func afterNameResolution(_ error: SocketError) -> String? {
        guard case .nameResolution(let failure) = error.cause else { return nil }
        if failure.isTemporary {
            return "The name server does not answer: try again, or give a numeric address."
        }
        return "Check the spelling, or give a numeric address."
    }

    private static func afterConnect(_ error: SocketError) -> String {
        if error.endpoint?.transport == .udp || error.operation != .connect {
            return "Nothing listens on that UDP port."
        }
        switch error.errno {
        case .connectionRefused where error.endpoint?.transport.isUnix == true:
            return "The socket file is there, but the program behind it is gone."
        case .connectionRefused:
            return "The machine is there, but nothing listens on that port."
        case .noSuchFileOrDirectory:
            return "No such socket file. Is the server running, and is that its path?"
        case .permissionDenied:
            return "The socket file, or the network, is not open to this user."
        case .networkUnreachable, .noRouteToHost:
            return "There is no way there from this machine; -4 or -6 tries one family alone."
        default:
            return "Check the address and the port."
        }
    }

    private static func afterBind(_ error: SocketError) -> String? {
        switch error.errno {
        case .addressInUse where error.endpoint?.transport.isUnix == true:
            return "Another program listens there, or the file is no socket. Take another path."
        case .addressInUse:
            return "Another program has that port: ss -ltunp shows which. Port 0 takes a free one."
        case .permissionDenied:
            return "Ports below 1024 belong to the administrator. Take a higher one."
        case .addressNotAvailable:
            return "This machine does not have that address: ip address lists those it has."
        default:
            return nil
        }
    }

    private static func afterOther(_ error: SocketError) -> String? {
        switch error.errno {
        case .tooManyOpenFiles: return "Raise the limit of open files: ulimit -n 65536."
        case .messageTooLong: return "A UDP datagram holds at most 65507 bytes."
        default: return nil
        }
    }
}
