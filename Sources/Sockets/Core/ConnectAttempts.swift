internal import SystemPackage

/// Carries out the decisions of `HappyEyeballs` with nonblocking sockets.
///
/// This type never waits. Its blocking and async callers wait for the running attempts, each in
/// their own way.
struct ConnectAttempts: ~Copyable {
    /// What the caller must do next.
    enum Step: ~Copyable {
        /// Use this connected, nonblocking socket. The other attempts have been closed.
        case connected(OwnedSocket)
        /// Wait until an attempt may have ended, for at most this duration (`nil` means forever),
        /// and then call `check`.
        case wait(atMost: Duration?)
    }

    /// A running attempt to connect to one address.
    final class Attempt {
        let descriptor: Int32
        /// The closure to call before the descriptor is closed or passed to the caller.
        var willEnd: (() -> Void)?
        /// A Boolean value that indicates whether the attempt is still running and `takeStarted`
        /// has not returned it yet.
        fileprivate var isNew = false
        fileprivate let address: RawSocketAddress
        fileprivate var established: ConnectedAddresses?
        private var socket: OwnedSocket?

        fileprivate init(_ socket: consuming OwnedSocket, to address: RawSocketAddress) {
            descriptor = socket.descriptor.number
            self.address = address
            self.socket = consume socket
        }

        deinit { willEnd?() }

        /// Transfers ownership of the connected socket to the caller.
        fileprivate func take() -> OwnedSocket {
            guard var socket = socket.take() else { preconditionFailure("socket taken twice") }
            socket.localAddress = established?.local
            socket.remoteAddress = established?.remote
            return socket
        }
    }

    private var order: HappyEyeballs
    private var attempts: [Int: Attempt] = [:]
    private let type: SocketType
    private let options: ConnectOptions
    private let start = ContinuousClock.now
    /// The first error from creating or binding a socket, which the peer did not cause.
    private var localFailure: SocketError?

    /// Prepares attempts to connect to the addresses that the local address can reach.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if no address has the family of the local
    ///   address.
    init(
        to addresses: [SocketAddress], _ type: SocketType, _ options: ConnectOptions,
        _ deadline: Deadline
    ) throws(SocketError) {
        order = HappyEyeballs(
            addresses: try Self.reachable(addresses, options),
            limit: deadline.remaining, limitCause: deadline.cause)
        self.type = type
        self.options = options
    }

    /// A Boolean value that indicates whether the attempts connect to a Unix address.
    ///
    /// The kernel reports no readiness for such attempts, so the caller must check them repeatedly.
    var isUnix: Bool { order.addresses.contains { $0.family == .unix } }

    /// The descriptors of the running attempts.
    var descriptors: [Int32] { attempts.values.map(\.descriptor) }

    /// Returns the attempts that started since the last call and are still running.
    func takeStarted() -> [Attempt] {
        let new = attempts.values.filter(\.isNew)
        for attempt in new { attempt.isNew = false }
        return new
    }

    /// Closes all running attempts.
    mutating func closeAll() { attempts = [:] }

    /// Starts and ends attempts as far as possible without waiting, and returns the next step.
    ///
    /// - Throws: An error that lists all attempts if every attempt failed, or the error of setting
    ///   a socket option that the kernel rejected.
    mutating func advance() throws(SocketError) -> Step {
        while true {
            switch order.next(at: elapsed) {
            case .start(let index): try begin(index)
            case .wait(let end): return .wait(atMost: end.map { max(.zero, $0 - elapsed) })
            case .cancel(let index): attempts[index] = nil
            case .finish(.connected(let index)):
                guard let winner = attempts.removeValue(forKey: index) else {
                    preconditionFailure("no such attempt")
                }
                return .connected(winner.take())
            case .finish(.failed(let cause)):
                throw failure(cause)
            }
        }
    }

    /// Returns the addresses to which a socket can connect from a local address of the options.
    private static func reachable(
        _ addresses: [SocketAddress], _ options: ConnectOptions
    ) throws(SocketError) -> [SocketAddress] {
        if options.localAddresses.isEmpty { return addresses }
        let reachable = addresses.filter(options.canReach)
        if reachable.isEmpty, let first = addresses.first {
            _ = try options.localAddress(for: first)
        }
        return reachable
    }

    /// Returns the error of a connect whose attempts have all failed.
    private func failure(_ cause: SocketError.Cause) -> SocketError {
        if let localFailure, localFailure.cause == cause { return localFailure }
        let only = order.addresses.count == 1 ? order.addresses[0] : nil
        let error = SocketError(.connect, cause, remoteAddress: only, attempts: order.attempts)
        guard let address = order.attempts.first(where: { $0.cause == cause })?.address else {
            return error
        }
        let local = try? options.localAddress(for: address)
        return error.withLocalHint(to: address, from: local, type)
    }

    /// Connects a datagram socket.
    ///
    /// The call never waits, because connecting a datagram socket sends nothing.
    static func connectDatagram(
        to addresses: [SocketAddress], _ options: ConnectOptions, _ deadline: Deadline
    ) throws(SocketError) -> OwnedSocket {
        // Throw if there is a proxy, because proxies do not transfer datagrams.
        if let address = addresses.first { _ = try options.hops(to: address, .datagram) }
        var attempts = try ConnectAttempts(to: addresses, .datagram, options, deadline)
        while true {
            switch try attempts.advance() {
            case .connected(let socket): return socket
            case .wait: attempts.stop(because: .system(.wouldBlock))
            }
        }
    }

    /// Checks whether any running attempt has ended.
    ///
    /// Returns `false` if none has ended.
    mutating func check() -> Bool {
        var hasEnded = false
        for (index, attempt) in attempts where check(index, attempt, System.finishConnect) {
            hasEnded = true
        }
        return hasEnded
    }

    /// Ends all attempts, so that `advance` throws `cause`.
    mutating func stop(because cause: SocketError.Cause) { order.stop(because: cause, at: elapsed) }

    private var elapsed: Duration { start.duration(to: .now) }

    private mutating func begin(_ index: Int) throws(SocketError) {
        let address = order.addresses[index]
        do throws(SocketError) {
            let socket = try OwnedSocket.unconnected(for: address, type, options)
            let raw = try socket.rawDestination(address, for: options.socketOptions)
            let attempt = Attempt(socket, to: raw)
            attempts[index] = attempt
            attempt.isNew = !check(index, attempt) { descriptor, raw throws(Errno) in
                try System.setBlocking(descriptor, false)
                try System.startConnect(descriptor, raw)
            }
        } catch {
            // If setting an option failed, give up, because the attempts to the other addresses
            // would fail too.
            if error.operation == .setOption { throw error }
            let isLocal = error.operation == .bind || error.isShortage
            if isLocal { localFailure = localFailure ?? error }
            failed(index, because: error.cause, isLocal: isLocal)
        }
    }

    /// Makes one system call for an attempt and records the outcome.
    ///
    /// Returns `false` if the attempt is still running.
    private mutating func check(
        _ index: Int, _ attempt: Attempt, _ call: (Int32, RawSocketAddress) throws(Errno) -> Void
    ) -> Bool {
        do throws(Errno) {
            try call(attempt.descriptor, attempt.address)
            let established = try ConnectedAddresses(
                of: attempt.descriptor, target: order.addresses[index], type)
            if established.isSelfConnect(type) {
                failed(index, because: .selfConnect)
            } else {
                attempt.established = established
                order.succeeded(index)
            }
        } catch .wouldBlock where type != .datagram {
            // The attempt is still running. On a datagram socket, `EAGAIN` means that no local port
            // is free, so the attempt has failed.
            return false
        } catch {
            failed(index, because: .system(error))
        }
        return true
    }

    private mutating func failed(
        _ index: Int, because cause: SocketError.Cause, isLocal: Bool = false
    ) {
        attempts[index] = nil
        order.failed(index, because: cause, isLocal: isLocal, at: elapsed)
    }
}

extension SocketError {
    /// A Boolean value that indicates whether creating a socket failed because a resource ran
    /// short.
    fileprivate var isShortage: Bool {
        let shortages: [Errno] = [
            .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory,
        ]
        return operation == .createSocket && shortages.contains { cause == .system($0) }
    }
}
