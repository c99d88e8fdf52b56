internal import SystemPackage

/// The dialogue with one proxy: what to send, and where each reply ends.
///
/// This type never waits. Its blocking and async callers send the requests and wait for the
/// replies, each in their own way:
///
/// ```swift
/// while let request = dialogue.takeRequest() {
///     …  // send the request
///     while dialogue.needsReply { try dialogue.receive(descriptor, .dontWait) }
/// }
/// ```
struct ProxyDialogue: Sendable {
    private enum Stage {
        case socks5Method, socks5Authentication, socks5Connect, socks4Connect, httpConnect
        case established
    }

    /// The proxy and its destination.
    let hop: ProxyHop
    private let target: ProxyTarget
    /// The reply that the proxy sends next.
    private var stage: Stage
    private var request: [UInt8]?
    /// The bytes of the current reply.
    private var received: [UInt8] = []
    /// Why the proxy did not connect.
    private(set) var failure: ProxyFailure?

    init(_ hop: ProxyHop, to target: ProxyTarget) {
        self.hop = hop
        self.target = target
        let server = hop.server
        switch server.scheme {
        case .socks5:
            stage = .socks5Method
            request = server.user == nil ? [5, 1, 0] : [5, 2, 0, 2]
        case .socks4, .socks4a:
            stage = .socks4Connect
            request = target.socks4Request(user: server.user ?? "")
        case .http:
            stage = .httpConnect
            request = target.httpRequest(user: server.user, password: server.password)
        }
    }

    /// A Boolean value that indicates whether the proxy has not replied to the last request yet.
    var needsReply: Bool { request == nil && stage != .established && failure == nil }

    /// Returns the next request, or `nil` if the proxy must reply first or the dialogue has ended.
    mutating func takeRequest() -> [UInt8]? { request.take() }

    /// Takes the bytes of a reply from the start of `bytes`, and returns their number.
    ///
    /// Call this function with at least one byte, and only while ``needsReply`` is true. The result
    /// is less than the number of passed bytes if other bytes follow the reply. If the reply is
    /// negative or malformed, the function sets ``failure``.
    mutating func take(_ bytes: some Collection<UInt8>) -> Int {
        let known = received.count
        received += bytes
        do throws(ProxyFailure) {
            guard let end = try parse() else { return bytes.count }
            received = []
            return end - known
        } catch {
            failure = error
            return bytes.count
        }
    }

    /// Notes that the proxy closed the connection.
    mutating func end() { failure = .closed(receivedBytes: received.count) }

    /// Parses the received bytes, and prepares the next request if the reply is complete.
    ///
    /// Returns the length of the reply, or `nil` if it is incomplete.
    private mutating func parse() throws(ProxyFailure) -> Int? {
        switch stage {
        case .socks5Method:
            guard let (end, method) = try ProxyReply.socks5Method(received) else { return nil }
            try choose(method)
            return end
        case .socks5Authentication:
            guard let end = try ProxyReply.socks5Authentication(received) else { return nil }
            (stage, request) = (.socks5Connect, target.socks5Request)
            return end
        case .socks5Connect: return established(try ProxyReply.socks5Connect(received))
        case .socks4Connect: return established(try ProxyReply.socks4Connect(received))
        case .httpConnect: return established(try httpReply())
        case .established: preconditionFailure("the proxy has already connected")
        }
    }

    /// Ends the dialogue if the last reply is complete.
    private mutating func established(_ end: Int?) -> Int? {
        if end != nil { stage = .established }
        return end
    }

    /// Continues with the method of authentication that the proxy chose.
    private mutating func choose(_ method: UInt8) throws(ProxyFailure) {
        let user = hop.server.user
        switch method {
        case 0: (stage, request) = (.socks5Connect, target.socks5Request)
        case 2:
            guard let user else { throw .authenticationRequired }
            let password = hop.server.password
            var bytes: [UInt8] = [1, UInt8(user.utf8.count)]
            bytes += user.utf8
            bytes.append(UInt8(password.utf8.count))
            bytes += password.utf8
            (stage, request) = (.socks5Authentication, bytes)
        case 0xFF: throw user == nil ? .authenticationRequired : .authenticationUnsupported
        default: throw ProxyReply.unexpected(received)
        }
    }

    private func httpReply() throws(ProxyFailure) -> Int? {
        do throws(ProxyFailure) {
            return try ProxyReply.httpConnect(received)
        } catch {
            // Tinyproxy replies 401 instead of 407 if the user or the password is wrong.
            guard case .httpStatus(let status, _) = error, status == 407 || status == 401 else {
                throw error
            }
            throw hop.server.user == nil ? .authenticationRequired : .authenticationRefused
        }
    }
}

// MARK: Receiving

extension ProxyDialogue {
    /// Receives once, and leaves the bytes that follow the reply in the kernel.
    ///
    /// The bytes after the reply come from the peer, which may send them as soon as it is
    /// connected. EOF sets ``failure``.
    ///
    /// - Parameters:
    ///   - descriptor: The connection to the proxy.
    ///   - flags: The flags of recv(2), which decide whether the call may wait for the first byte.
    /// - Throws: The error of recv(2).
    mutating func receive(_ descriptor: Int32, _ flags: TransferFlags) throws(Errno) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        try bytes.withUnsafeMutableBytes { room throws(Errno) in
            try receive(descriptor, flags, through: room)
        }
    }

    private mutating func receive(
        _ descriptor: Int32, _ flags: TransferFlags, through room: UnsafeMutableRawBufferPointer
    ) throws(Errno) {
        let seen = try System.recv(descriptor, room, flags.union(.peek))
        guard seen > 0 else { return end() }
        var copy = self
        let count = copy.take(room[..<seen])
        guard copy.failure == nil else { return self = copy }
        // Take only the bytes that this call returns, because it may return fewer bytes than the
        // peek.
        let reply = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
        let received = try System.recv(descriptor, reply, .dontWait)
        guard received > 0 else { return end() }
        _ = take(reply[..<received])
    }
}
