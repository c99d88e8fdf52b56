import Sockets

/// The line after an error that says what to do.
enum Hint {
    static func after(_ error: SocketError, _ status: ExitStatus) -> String? {
        guard let hint = error.hint else { return usualHint(after: error, status) }
        // After EACCES, the library's hint names the option for broadcasts. Name the flag of `sock`
        // instead.
        return error.errno == .permissionDenied ? broadcast : hint
    }

    /// Returns what to do about an error that has no hint from the library.
    private static func usualHint(after error: SocketError, _ status: ExitStatus) -> String? {
        switch status {
        case .nameNotResolved: return afterNameResolution(error)
        case .unreachable: return afterConnect(error)
        case .timedOut: return afterTimeout(error)
        case .cannotBind: return afterBind(error)
        case .receiveFailed: return afterReceive(error)
        case .sendFailed: return afterSend(error)
        case .otherFailure: return afterOther(error)
        case .tlsHandshake, .ownCertificate, .peerCertificate, .pinMismatch: return afterTLS(error)
        case .success, .usage, .notFound, .cannotInspect, .cannotWriteOutput, .caFile:
            return nil
        }
    }

    private static func afterReceive(_ error: SocketError) -> String? {
        if error.cause == .tls(.truncated) {
            return "Standard output has the data that arrived, but more data may be missing."
        }
        guard error.errno == .connectionReset || error.cause == .endOfStream else { return nil }
        return "The peer broke the connection; standard output has the data that arrived before."
    }

    /// Returns what to do about a TLS handshake that failed.
    private static func afterTLS(_ error: SocketError) -> String? {
        guard case .tls(let failure) = error.cause else { return nil }
        switch failure {
        case .notTLS(let bytes) where greetings.contains { bytes.starts(with: $0.utf8) }:
            return "The server begins in plain text, so use --starttls."
        case .notTLS: return "Omit --tls, or use another port."
        case .noApplicationProtocol: return "Give other protocols with --alpn, or omit it."
        case .notYetValid: return "Check the clock of this machine."
        case .pinMismatch:
            return "Ask the owner of the server, because an attacker may be in between."
        case .wrongHost: return "If that is the right server, give one of its names with --sni."
        case .selfSigned:
            return "If you know its fingerprint, accept it with --pin, or trust it with --ca."
        case .unknownIssuer: return "If you trust the issuer, give its certificate with --ca."
        case .clientCertificateRequired: return "Give a certificate with --cert and --key."
        case .wrongPassword: return "Decrypt the key with: openssl pkey -in KEY -out PLAINKEY"
        default: return nil
        }
    }

    /// The first characters from a server that begins in plain text: SMTP or FTP, IMAP, and POP3.
    private static let greetings = ["220", "* OK", "+OK"]

    /// Returns what to do about a server that sends nothing while TLS starts.
    static func afterSilentHandshake(_ usesStartTLS: Bool) -> String {
        usesStartTLS
            ? "A server that begins with TLS needs --tls instead of --starttls."
            : "The server may not speak TLS on that port, or may need --starttls."
    }

    private static func afterTimeout(_ error: SocketError) -> String {
        if error.operation == .resolve {
            return "The name server does not answer; use a numeric address, or a limit like -w 30s."
        }
        if error.isUnix { return "The server may not accept clients; sock doctor shows why." }
        let tried = error.remoteAddresses
        guard let port = tried.first?.port, tried.allSatisfy({ $0.ip?.isLoopback == true }) else {
            return "A firewall may be dropping packets; -w 30s changes the limit."
        }
        return "The server on this machine may not accept clients; sock doctor \(port) shows why."
    }

    private static func afterNameResolution(_ error: SocketError) -> String? {
        if error.errno == .operationNotSupportedByDevice {
            return missingInterface
        }
        guard case .nameResolution(let failure) = error.cause else { return nil }
        if failure.isTemporary {
            return "The name server does not answer, so try again or use a numeric address."
        }
        return "Check the spelling, or use a numeric address."
    }

    private static func afterConnect(_ error: SocketError) -> String {
        if error.isUnix { return afterUnixConnect(error) }
        switch error.errno {
        case .connectionRefused
        where error.endpoint?.transport == .udp || error.operation != .connect:
            return "No program listens on that UDP port."
        case .connectionRefused: return "The machine is up, but no program listens on that port."
        case .addressFamilyNotSupported: return "This machine does not support that address family."
        case .addressNotAvailable: return afterMissingLocalAddress(to: error.remoteAddresses)
        default: return afterRouting(error)
        }
    }

    private static func afterUnixConnect(_ error: SocketError) -> String {
        switch error.errno {
        case .connectionRefused:
            guard let path = error.unixPath else { return "No program listens on that name." }
            return FileType(ofPath: path) == .other
                ? "That file is not a socket; a server creates its socket when it starts."
                : "The socket file exists, but no program listens on it."
        case .noSuchFileOrDirectory: return "Check the path, and check that the server is running."
        case .notDirectory: return partIsFile
        case .tooManySymbolicLinkLevels: return "The symbolic links of that path form a loop."
        case .permissionDenied: return "This user may not access the socket file."
        case .protocolWrongTypeForSocket:
            return error.endpoint?.transport == .unix
                ? "The server has another type of socket; -u or unixgram: sends it datagrams."
                : "The server has another type of socket; without -u, or with unix:, sock opens a stream."
        default: return "Check the path."
        }
    }

    /// Returns what to do if the kernel or the network does not deliver packets to the address.
    ///
    /// The kernel and the network report the same error numbers, so this function looks up the
    /// route.
    private static func afterRouting(_ error: SocketError) -> String {
        let route = error.addressOfCause.map(Route.init)
        switch error.errno {
        case .networkUnreachable where error.addressOfCause?.ip?.isMulticast == true:
            return "TCP has no multicast groups; -u sends datagrams to one."
        case .networkUnreachable where route?.isBroadcast == true:
            return "TCP has no broadcasts; -u -b sends datagrams to that address."
        // A router without a route causes the same error number.
        case .networkUnreachable where route != nil && route?.failure == nil:
            return "A router on the way has no route to that address."
        case .networkUnreachable:
            return "This machine has no route to that address; -4 or -6 tries one family only."
        case let code? where code == route?.failure:
            return "A route of this machine refuses that address; ip route get shows it."
        case .noRouteToHost, .hostIsDown:
            return "That host does not answer, or a firewall on the way rejects the packets."
        case .permissionDenied:
            return "A firewall on the way or a security policy of this machine forbids it."
        case .notPermitted: return forbidden
        default: return "Check the address and the port."
        }
    }

    /// Returns what to do if no local address and port is free for a connection.
    static func afterMissingLocalAddress(to remotes: [SocketAddress]) -> String {
        let canSend = remotes.contains { Route(to: $0).failure == nil }
        return canSend ? portsExhausted : noLocalAddress
    }

    private static func afterBind(_ error: SocketError) -> String? {
        switch error.errno {
        case .addressInUse where error.endpoint?.transport.isUnix == true:
            return "Another program listens there, or the file is not a socket. Use another path."
        case .addressInUse:
            return "Another program uses that port; ss -ltunp shows it. Port 0 picks a free port."
        case .permissionDenied where error.isUnix, .readOnlyFileSystem:
            return "This user may not create a file there. Use another path."
        case .notPermitted where error.isUnix: return "That folder cannot contain sockets."
        case .notDirectory: return partIsFile
        case .noSuchFileOrDirectory: return "The folder of that path does not exist."
        case .permissionDenied where (1..<1024).contains(error.localPort):
            return "Ports below 1024 are reserved for root. Use a higher port."
        case .permissionDenied, .notPermitted: return forbidden
        case .addressNotAvailable:
            return
                "This machine does not have that address; list its addresses with: ip address"
        case .operationNotSupportedByDevice: return missingInterface
        default: return nil
        }
    }

    private static func afterOther(_ error: SocketError) -> String? {
        switch error.errno {
        case .tooManyOpenFiles: return "Raise the limit of open files: ulimit -n 65536."
        default: return nil
        }
    }

    private static func afterSend(_ error: SocketError) -> String? {
        switch error.errno {
        case .permissionDenied, .notPermitted: return forbidden
        case .messageTooLong:
            return "A datagram holds at most 65507 bytes, or 65527 over IPv6. Use --datagram-size."
        case .brokenPipe, .connectionReset:
            return "The peer has stopped reading, so it did not receive all of the input."
        default: return nil
        }
    }

    private static let broadcast = "That is a broadcast address, which needs --broadcast (-b)."
    static let missingInterface = "The zone after % must be an interface; ip link lists them."
    private static let partIsFile = "A part of that path is a file and not a folder."
    private static let forbidden = "A firewall or a security policy of this machine forbids it."

    /// The hint if no local port is left.
    static let portsExhausted =
        "All local ports for that address are in use (ss -tan lists them), so try again later."

    private static let noLocalAddress =
        "This machine has no address that can reach the peer's address; "
        + "list its addresses with: ip address"
}

extension SocketError {
    fileprivate var isUnix: Bool {
        endpoint?.transport.isUnix == true
            || ([localAddress].compactMap(\.self) + remoteAddresses).contains {
                $0.family == .unix
            }
    }

    /// The bytes of the path of a Unix socket; nil for an abstract name.
    fileprivate var unixPath: [UInt8]? {
        if let bytes = endpoint?.pathBytes { return bytes.first == UInt8(ascii: "@") ? nil : bytes }
        for case .unix(let name) in remoteAddresses where name.kind == .path { return name.bytes }
        return nil
    }

    /// The remote addresses that were tried.
    var remoteAddresses: [SocketAddress] {
        attempts.map(\.address) + [remoteAddress].compactMap { $0 }
    }

    /// The remote address whose attempt failed with the error's cause.
    fileprivate var addressOfCause: SocketAddress? {
        attempts.first { $0.cause == cause }?.address ?? remoteAddress
    }

    /// The port that could not be bound, or 0.
    fileprivate var localPort: UInt16 { localAddress?.port ?? endpoint?.port?.number ?? 0 }
}
