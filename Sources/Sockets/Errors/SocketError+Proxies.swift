// The errors of a connect through proxies.
extension SocketError {
    /// The part of a connect through proxies that failed.
    public struct ProxyStep: Hashable, Sendable {
        /// The proxy, such as `socks5://proxy.example:1080`, without its credentials.
        public let proxy: String
        /// The endpoint to which the proxy was to connect: the next proxy or the peer.
        ///
        /// The value is `nil` if this machine could not reach the proxy.
        public let destination: Endpoint?

        /// Creates a step.
        ///
        /// - Parameters:
        ///   - proxy: The proxy, without its credentials.
        ///   - destination: The endpoint to which the proxy was to connect, or `nil` if this
        ///     machine could not reach the proxy.
        public init(proxy: String, destination: Endpoint?) {
            self.proxy = proxy
            self.destination = destination
        }
    }

    /// Returns the error of a connect whose first proxy could not be reached.
    ///
    /// An error about this machine is returned unchanged.
    func reaching(_ proxy: String) -> SocketError {
        guard operation == .connect || operation == .resolve else { return self }
        // The subject may be the proxy's host, but the error is about the peer.
        return SocketError(
            .connect, cause, remoteAddress: remoteAddress, attempts: attempts, hint: hint,
            proxyStep: ProxyStep(proxy: proxy, destination: nil))
    }
}

extension SocketError.ProxyStep {
    /// Returns the reason for the error's text, or `nil` if the proxy did not cause the error.
    func reason(_ cause: SocketError.Cause, target: Endpoint?) -> String? {
        if cause == .cancelled { return nil }
        guard let destination else {
            return "the proxy \(proxy) cannot be reached: \(cause.whileConnecting)"
        }
        let name =
            destination == target
            ? "the proxy \(proxy)" : "the proxy \(proxy), on the way to \(destination),"
        switch cause {
        case .proxy(let failure): return "\(name) \(failure.predicate)"
        case .timedOut(let limit):
            return "\(name) did not answer in \(limit.map { "\($0.brief)" } ?? "time")"
        case .system: return "\(name) broke the connection: \(cause)"
        default: return "\(name) cannot be used: \(cause)"
        }
    }
}

extension SocketError.Cause {
    /// The cause as a phrase for a failed connect or handshake.
    var whileConnecting: String {
        guard case .timedOut(let limit) = self else { return description }
        return limit.map { "no answer in \($0.brief)" } ?? "no answer in time"
    }
}
