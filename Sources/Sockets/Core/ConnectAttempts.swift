internal import SystemPackage

/// Carries out what a `HappyEyeballs` decides, with sockets that do not wait. Threads and tasks differ
/// only in how they wait for what is under way.
struct ConnectAttempts {
    /// How far the contest has got.
    enum Step {
        /// This socket is connected; it does not wait. The others are closed.
        case connected(Socket)
        /// Somebody has to wait, nil for ever, until an attempt under way may have ended, and then
        /// call `look`.
        case wait(atMost: Duration?)
    }

    private var race: HappyEyeballs
    private var runners: [Int: Socket] = [:]
    private var newcomers: [Int] = []
    private let type: SocketType
    private let options: ConnectOptions
    private let start = ContinuousClock.now

    init(
        _ addresses: [SocketAddress], _ type: SocketType, _ options: ConnectOptions,
        _ deadline: Deadline
    ) {
        race = HappyEyeballs(
            addresses: addresses, limit: deadline.remaining,
            limitCause: deadline.cause)
        self.type = type
        self.options = options
    }

    /// Whether it is about a Unix address: the kernel does not tell then when to look again.
    var isLocal: Bool { race.addresses.contains { $0.family == .unix } }

    /// The sockets of the attempts that have come under way since the last time.
    mutating func takeNewcomers() -> [Socket] {
        defer { newcomers = [] }
        return newcomers.compactMap { runners[$0] }
    }

    /// Does everything that can be done without waiting.
    ///
    /// - Throws: why nobody answered, with every attempt.
    mutating func advance() throws(SocketError) -> Step {
        while true {
            switch race.next(at: elapsed) {
            case .start(let index):
                try begin(index)
            case .wait(let end):
                return .wait(atMost: end.map { max(.zero, $0 - elapsed) })
            case .cancel(let index):
                runners.removeValue(forKey: index)?.close()
            case .finish(.connected(let index)):
                guard let socket = runners[index] else { preconditionFailure("no such runner") }
                return .connected(socket)
            case .finish(.failed(let cause)):
                let only = race.addresses.count == 1 ? race.addresses[0] : nil
                throw SocketError(
                    .connect, cause, remoteAddress: only, attempts: race.attempts)
            }
        }
    }

    /// Looks how the attempts under way have ended; false if none has.
    mutating func look() -> Bool {
        var hasEnded = false
        for (index, socket) in runners {
            let ended = attempt(index, socket) { descriptor, raw throws(Errno) in
                try System.finishConnect(descriptor, raw)
            }
            hasEnded = hasEnded || ended
        }
        return hasEnded
    }

    /// Ends the contest from outside; `advance` throws then.
    mutating func stop(because cause: SocketError.Cause) {
        race.stop(because: cause, at: elapsed)
    }

    /// Waits with poll(2), and looks.
    mutating func poll(atMost duration: Duration?) throws(SocketError) {
        var requests = runners.values.map {
            PollRequest(descriptor: $0.descriptor, isForWriting: true)
        }
        do throws(Errno) {
            try System.poll(&requests, milliseconds: duration?.millisecondsRoundedUp ?? -1)
        } catch {
            throw SocketError(.connect, .system(error))
        }
        if requests.contains(where: \.isReady) { _ = look() }
    }

    private var elapsed: Duration { start.duration(to: .now) }

    private mutating func begin(_ index: Int) throws(SocketError) {
        do throws(SocketError) {
            let socket = try Socket.prepared(for: race.addresses[index], type, options)
            runners[index] = socket
            let hasEnded = attempt(index, socket) { descriptor, raw throws(Errno) in
                try System.setBlocking(descriptor, false)
                try System.startConnect(descriptor, raw)
            }
            if !hasEnded { newcomers.append(index) }
        } catch {
            // The other attempts would fail for the same reason, and the option is what is wrong.
            if error.operation == .setOption { throw error }
            failed(index, because: error.cause)
        }
    }

    /// Makes one call; false if the attempt is still under way.
    private mutating func attempt(
        _ index: Int, _ socket: Socket, _ call: (Int32, RawSocketAddress) throws(Errno) -> Void
    ) -> Bool {
        let address = race.addresses[index]
        do throws(SocketError) {
            let raw = try socket.rawAddress(of: address, for: .connect)
            try socket.call(.connect) { descriptor throws(Errno) in try call(descriptor, raw) }
            try socket.captureNames(address)
            race.succeeded(index)
        } catch {
            guard error.errno != .wouldBlock else { return false }
            failed(index, because: error.cause)
        }
        return true
    }

    private mutating func failed(_ index: Int, because cause: SocketError.Cause) {
        runners.removeValue(forKey: index)?.close()
        race.failed(index, because: cause, at: elapsed)
    }
}

extension Socket {
    /// A socket that is ready to connect to an address.
    static func prepared(
        for address: SocketAddress, _ type: SocketType, _ options: ConnectOptions
    ) throws(SocketError) -> Socket {
        let socket = try Socket(address.family ?? .unix, type)
        try socket.set(options.socketOptions)
        if let local = options.localAddress {
            if type == .stream, socket.family != .unix {
                try socket.setOption(.reuseAddress, to: true)
            }
            try socket.bind(on: local)
            socket.names.withLock { $0.file = UnixSocketFile(boundTo: local) }
        }
        return socket
    }
}
