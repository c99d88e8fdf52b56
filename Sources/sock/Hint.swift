import Sockets

/// The line after an error that says what to do.
enum Hint {
    static func after(_ error: SocketError, _ status: ExitStatus) -> String? {
        switch status {
        case .nameNotResolved: return afterNameResolution(error)
        case .unreachable: return afterConnect(error)
        case .timedOut:
            return "A firewall may be dropping packets. Change the limit with -w 30s."
        case .cannotBind: return afterBind(error)
        case .receiveFailed:
            return "The peer broke the connection. Standard output has what arrived before."
        case .sendFailed:
            return "The peer has stopped reading, so it did not receive all of the input."
        case .otherFailure: return afterOther(error)
        case .success, .usage, .notFound, .cannotInspect, .cannotWriteOutput:
            return nil
        }
    }

    private static func afterNameResolution(_ error: SocketError) -> String? {
        guard case .nameResolution(let failure) = error.cause else { return nil }
        if failure.isTemporary {
            return "The name server does not answer. Try again, or use a numeric address."
        }
        return "Check the spelling, or use a numeric address."
    }

    private static func afterConnect(_ error: SocketError) -> String {
        if error.endpoint?.transport == .udp || error.operation != .connect {
            return "No program listens on that UDP port."
        }
        switch error.errno {
        case .connectionRefused where error.endpoint?.transport.isUnix == true:
            return "The socket file exists, but no program listens on it."
        case .connectionRefused: return "The machine is up, but no program listens on that port."
        case .noSuchFileOrDirectory: return "Check the path, and check that the server is running."
        case .permissionDenied: return "This user may not access the socket file or the network."
        case .networkUnreachable, .noRouteToHost:
            return "This machine has no route to that address. Use -4 or -6 to try one family only."
        default: return "Check the address and the port."
        }
    }

    private static func afterBind(_ error: SocketError) -> String? {
        switch error.errno {
        case .addressInUse where error.endpoint?.transport.isUnix == true:
            return "Another program listens there, or the file is not a socket. Use another path."
        case .addressInUse:
            return "Another program uses that port; ss -ltunp shows it. Port 0 picks a free port."
        case .permissionDenied: return "Ports below 1024 are reserved for root. Use a higher port."
        case .addressNotAvailable:
            return "This machine does not have that address; ip address lists its addresses."
        default: return nil
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
