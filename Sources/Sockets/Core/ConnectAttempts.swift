internal import SystemPackage

/// Carries out the decisions of `HappyEyeballs` with sockets that do not wait.
///
/// It never waits itself. The blocking and the async code wait for the attempts under way, each in
/// its own way.
struct ConnectAttempts: ~Copyable {
    /// What the calling code must do next.
    enum Step: ~Copyable {
        /// Use this connected socket, which does not wait. The other attempts are closed.
        case connected(OwnedSocket)
        /// Wait until an attempt may have ended, at most for a duration (`nil` is for ever), and
        /// call `check`.
        case wait(atMost: Duration?)
    }

    /// One attempt under way.
    final class Attempt {
        let descriptor: Int32
        /// Called before the descriptor closes or belongs to the calling code.
        var willEnd: (() -> Void)?
        /// Whether it is under way and `takeStarted` has not returned it.
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

        /// Returns the connected socket, which the attempt then no longer owns.
        fileprivate func take() -> OwnedSocket {
            guard var socket = socket.take() else { preconditionFailure("taken twice") }
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

    init(
        to addresses: [SocketAddress], _ type: SocketType, _ options: ConnectOptions,
        _ deadline: Deadline
    ) {
        order = HappyEyeballs(
            addresses: addresses, limit: deadline.remaining, limitCause: deadline.cause)
        self.type = type
        self.options = options
    }

    /// Whether the attempts are to a Unix address.
    ///
    /// The kernel then does not report when to check again.
    var isUnix: Bool { order.addresses.contains { $0.family == .unix } }

    /// The descriptors of the attempts under way.
    var descriptors: [Int32] { attempts.values.map(\.descriptor) }

    /// Returns the attempts that started since the last call and are under way.
    func takeStarted() -> [Attempt] {
        let new = attempts.values.filter(\.isNew)
        for attempt in new { attempt.isNew = false }
        return new
    }

    /// Closes all attempts under way.
    mutating func closeAll() { attempts = [:] }

    /// Does everything that can be done without waiting.
    ///
    /// - Throws: The error of the connect, with every attempt, if none succeeded; or the error of a
    ///   socket option that the kernel refused.
    mutating func advance() throws(SocketError) -> Step {
        while true {
            switch order.next(at: elapsed) {
            case .start(let index):
                try begin(index)
            case .wait(let end):
                return .wait(atMost: end.map { max(.zero, $0 - elapsed) })
            case .cancel(let index):
                attempts[index] = nil
            case .finish(.connected(let index)):
                guard let winner = attempts.removeValue(forKey: index) else {
                    preconditionFailure("no such attempt")
                }
                return .connected(winner.take())
            case .finish(.failed(let cause)):
                let only = order.addresses.count == 1 ? order.addresses[0] : nil
                throw SocketError(.connect, cause, remoteAddress: only, attempts: order.attempts)
            }
        }
    }

    /// Connects a datagram socket, which never has to wait.
    static func connectDatagram(
        to addresses: [SocketAddress], _ options: ConnectOptions, _ deadline: Deadline
    ) throws(SocketError) -> OwnedSocket {
        var attempts = ConnectAttempts(to: addresses, .datagram, options, deadline)
        while true {
            switch try attempts.advance() {
            case .connected(let socket): return socket
            case .wait: attempts.stop(because: .system(.wouldBlock))
            }
        }
    }

    /// Checks the attempts under way.
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
    mutating func stop(because cause: SocketError.Cause) {
        order.stop(because: cause, at: elapsed)
    }

    private var elapsed: Duration { start.duration(to: .now) }

    private mutating func begin(_ index: Int) throws(SocketError) {
        let address = order.addresses[index]
        do throws(SocketError) {
            let socket = try OwnedSocket.unconnected(for: address, type, options)
            let raw = try address.raw(for: socket.family, .connect)
            let attempt = Attempt(socket, to: raw)
            attempts[index] = attempt
            attempt.isNew = !check(index, attempt) { descriptor, raw throws(Errno) in
                try System.setBlocking(descriptor, false)
                try System.startConnect(descriptor, raw)
            }
        } catch {
            // The option is wrong and not the address, so the other attempts would fail as well.
            if error.operation == .setOption { throw error }
            failed(index, because: error.cause)
        }
    }

    /// Makes one call for an attempt.
    ///
    /// Returns `false` if the attempt is still under way.
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
        } catch .wouldBlock {
            return false
        } catch {
            failed(index, because: .system(error))
        }
        return true
    }

    private mutating func failed(_ index: Int, because cause: SocketError.Cause) {
        attempts[index] = nil
        order.failed(index, because: cause, at: elapsed)
    }
}
