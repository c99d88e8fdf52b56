// The text of an error: one line that names the operation, the addresses, the cause and the
// progress.
extension SocketError: CustomStringConvertible {
    /// One line without a full stop: operation, addresses, cause, bytes transferred, attempts.
    ///
    /// With a ``hint``, one indented line follows. With a ``stallReport``, three indented lines
    /// follow: verdict, evidence and advice.
    public var description: String {
        let more = [hint].compactMap { $0 } + (stallReport?.sentences ?? [])
        return ([firstLine] + more).joined(separator: "\n    ")
    }

    /// The description without the hint and the stall report.
    package var firstLine: String {
        "cannot \(action): \(reason)\(progress)\(tried)"
    }

    private var action: String {
        object.map { "\(operation) \($0)" } ?? operation.verb
    }

    /// The object of the operation.
    private var object: String? {
        guard operation.hasObject else { return nil }
        if let subject { return optionValue.map { "\(subject) to \($0)" } ?? subject }
        if let endpoint { return "\(endpoint)" }
        switch operation.isAboutLocalAddress ? localAddress : remoteAddress {
        case nil, .unnamed: return nil
        case let address?: return "\(address)"
        }
    }

    private var reason: String {
        if let reason = proxyStep?.reason(cause, target: endpoint) { return reason }
        switch (operation, cause) {
        case (.connect, .timedOut), (.startTLS, .timedOut):
            return cause.whileConnecting
        case (.startTLS, .tls(.truncated)):
            return "the peer closed the connection during the handshake"
        case (.join, .timedOut(let limit)):
            // If an instant ended the join, bytes may have moved until then.
            return limit.map { "no bytes moved for \($0.brief)" } ?? cause.description
        case (.read, .busy), (.exchange, .busy), (.join, .busy):
            return "another task is already reading from this connection"
        case (.receive, .busy):
            let socket = localAddress.flatMap { $0 == .unnamed ? nil : "the socket on \($0)" }
            return "another task is already receiving from \(socket ?? "this socket")"
        case (.write, .busy):
            return "another task is already writing to this connection"
        case (.accept, .busy):
            return "another task is already accepting from this listener"
        case (.lookUpService, .unknownService(_, let transport)):
            return transport.map { "there is no such service for \($0)" }
                ?? "there is no such service"
        default:
            return cause.description
        }
    }

    private var progress: String {
        let lost = Self.count(unsentRequestBytes, "lost")
        let parts = (moved + [lost]).compactMap { $0 }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }

    private var moved: [String?] {
        if let bytesReturned {
            return [
                Self.count(bytesTransferred, "forwarded"), Self.count(bytesReturned, "returned"),
            ]
        }
        switch operation {
        case .exchange:
            // Report the number of reply bytes, because `bytesTransferred` counts the bytes of the
            // request.
            return [Self.count(partialBytes.count, "received")]
        case .send, .write, .sendFile:
            return [Self.count(bytesTransferred, "sent")]
        default:
            return [Self.count(bytesTransferred, "received")]
        }
    }

    private static func count(_ bytes: Int, _ verb: String) -> String? {
        bytes > 0 ? "\(bytes.bytes) \(bytes == 1 ? "was" : "were") \(verb)" : nil
    }

    private var tried: String {
        // The list is omitted for a single numeric address, because the text already names that
        // address.
        guard attempts.count > 1 || endpoint.map({ !$0.isNumeric }) ?? false, !attempts.isEmpty
        else { return "" }
        let shown = attempts.count > Self.shownAttempts + 1 ? Self.shownAttempts : attempts.count
        let rest = attempts.count > shown ? " and \(attempts.count - shown) more" : ""
        let first = attempts.prefix(shown)
        if attempts.allSatisfy({ $0.cause == cause || $0.cause.isTimeout && cause.isTimeout }) {
            return " (tried \(first.map { $0.address.brief }.joined(separator: ", "))\(rest))"
        }
        let each = first.map { "\($0.address.brief): \($0.cause)" }
        return " (tried \(each.joined(separator: "; "))\(rest))"
    }

    /// The number of attempts that the text shows if there are many.
    private static let shownAttempts = 4
}

extension SocketError.Cause: CustomStringConvertible {
    /// The cause as a phrase, to follow a colon.
    public var description: String {
        switch self {
        case .system(let code):
            code.description.withLowercasedFirst
        case .nameResolution(let failure):
            failure.description
        case .hostLookup(let failure):
            failure.description
        case .timedOut(let limit):
            limit.map { "timed out after \($0.brief)" } ?? "timed out"
        case .cancelled:
            "cancelled"
        case .closed:
            "the socket is closed"
        case .endOfStream:
            "unexpected end of stream"
        case .incompleteWrite:
            "an earlier write was sent only in part"
        case .busy:
            "another task is in the same call"
        case .selfConnect:
            "the socket connected to itself, because no process listens there"
        case .lineTooLong(let limit):
            "the line is longer than \(limit.bytes)"
        case .tooLarge(let limit):
            "the data is longer than \(limit.bytes)"
        case .invalidInput(let text):
            text
        case .tls(let failure):
            failure.description
        case .proxy(let failure):
            failure.description
        case .unknownService(let name, let transport):
            "there is no service \(TerminalText.quoted(name))"
                + (transport.map { " for \($0)" } ?? "")
        case .noServicesDatabase:
            "this machine has no services database (/etc/services);"
                + " on Debian and Ubuntu, install the package netbase"
        }
    }

    var isTimeout: Bool {
        if case .timedOut = self { true } else { false }
    }
}

extension Int {
    /// The number with its unit: "1 byte", "2 bytes".
    package var bytes: String { self == 1 ? "1 byte" : "\(self) bytes" }
}

extension Endpoint {
    /// A Boolean value that indicates whether the endpoint is a numeric address or a Unix path, so
    /// its only attempt uses the same address.
    fileprivate var isNumeric: Bool {
        host.map { IPAddress($0) != nil } ?? true
    }
}

extension SocketAddress {
    /// The address without its port, for a list of addresses with the same port.
    fileprivate var brief: String {
        ip.map { "\($0)" } ?? "\(self)"
    }
}
