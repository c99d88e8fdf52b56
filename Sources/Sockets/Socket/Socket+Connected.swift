internal import SystemPackage

// From an endpoint to a connection: names resolved, addresses raced.
extension Socket {
    /// Connects to an endpoint: resolves its name, and tries every address until one answers.
    ///
    /// ```swift
    /// let socket = try Socket.connected(to: .tcp("www.example.com", port: "http"))
    /// ```
    ///
    /// The addresses are raced as RFC 8305 says: the families take turns, and the next attempt
    /// begins when the one before has failed or has not answered for 250 ms. The first to answer
    /// wins and the others are closed. A UDP socket is connected at once: nobody is asked.
    ///
    /// - Parameters:
    ///   - endpoint: of any transport; it decides the kind of the socket.
    ///   - local: the address, or the port, to call from; the kernel chooses if nil.
    ///   - family: try only addresses of this family.
    ///   - timeout: covers the look-up of the name and all attempts together.
    /// - Throws: as `Resolver.resolve` and `connect`. If several addresses were tried, `attempts`
    ///   of the error tells what became of each, and the cause is the most telling one.
    public static func connected(
        to endpoint: Endpoint, from local: SocketAddress? = nil, family: Family? = nil,
        timeout: TimeLimit = .seconds(10)
    ) throws(SocketError) -> Socket {
        let deadline = Deadline(timeout)
        do throws(SocketError) {
            let addresses = try Resolver.resolve(endpoint, family: family, deadline: deadline)
            return try connected(
                toOneOf: addresses, endpoint.transport.kind, from: local, deadline)
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Connects to an address that is known; see `connected(to: Endpoint, …)`.
    ///
    /// - Throws: as `connect`.
    public static func connected(
        to address: SocketAddress, kind: Kind = .stream, from local: SocketAddress? = nil,
        timeout: TimeLimit = .seconds(10)
    ) throws(SocketError) -> Socket {
        try connected(toOneOf: [address], kind, from: local, Deadline(timeout))
    }

    private static func connected(
        toOneOf addresses: [SocketAddress], _ kind: Kind, from local: SocketAddress?,
        _ deadline: Deadline
    ) throws(SocketError) -> Socket {
        guard let first = addresses.first, first.family != .unix else {
            let address = addresses.first ?? .unnamed
            let socket = try prepared(for: address, kind, from: local)
            try socket.connect(to: address, timeout: deadline.rest)
            return socket
        }
        var contest = Contest(addresses, kind, from: local, deadline)
        return try contest.run()
    }

    /// A socket that is ready to connect to an address.
    fileprivate static func prepared(
        for address: SocketAddress, _ kind: Kind, from local: SocketAddress?
    ) throws(SocketError) -> Socket {
        let socket = try Socket(address.family ?? .unix, kind)
        if let local {
            if kind == .stream, socket.family != .unix {
                try socket.setOption(.reuseAddress, to: true)
            }
            try socket.bind(to: local)
            socket.names.withLock { $0.file = SocketFile(boundTo: local) }
        }
        return socket
    }
}

/// Carries out what a `ConnectRace` decides, with sockets that do not wait and one poll.
private struct Contest {
    private var race: ConnectRace
    private var runners: [Int: Socket] = [:]
    private let kind: Socket.Kind
    private let local: SocketAddress?
    private let start = ContinuousClock.now

    init(
        _ addresses: [SocketAddress], _ kind: Socket.Kind, from local: SocketAddress?,
        _ deadline: Deadline
    ) {
        race = ConnectRace(
            addresses: addresses, limit: deadline.remaining,
            limitCause: .timedOut(limit: deadline.limit))
        self.kind = kind
        self.local = local
    }

    private var elapsed: Duration { start.duration(to: .now) }

    mutating func run() throws(SocketError) -> Socket {
        while true {
            switch race.next(at: elapsed) {
            case .start(let index):
                begin(index)
            case .wait(let end):
                try wait(until: end)
            case .cancel(let index):
                runners.removeValue(forKey: index)?.close()
            case .finish(.connected(let index)):
                guard let socket = runners[index] else { preconditionFailure("no such runner") }
                return socket
            case .finish(.failed(let cause)):
                let only = race.addresses.count == 1 ? race.addresses[0] : nil
                throw SocketError(
                    .connect, cause, remoteAddress: only, attempts: race.attempts)
            }
        }
    }

    private mutating func begin(_ index: Int) {
        let address = race.addresses[index]
        do throws(SocketError) {
            let socket = try Socket.prepared(for: address, kind, from: local)
            runners[index] = socket
            let raw = try socket.rawAddress(of: address, for: .connect)
            try socket.call(.connect) { descriptor throws(Errno) in
                try System.setBlocking(descriptor, false)
                try System.startConnect(descriptor, raw)
            }
            try arrived(index, socket)
        } catch {
            handle(error, index)
        }
    }

    /// Waits for an attempt to end, and reports those that did.
    private mutating func wait(until end: Duration?) throws(SocketError) {
        let indices = Array(runners.keys)
        var requests = indices.compactMap { index in
            runners[index].map { PollRequest(descriptor: $0.descriptor, isForWriting: true) }
        }
        let remaining = end.map { $0 - elapsed }
        if let remaining, remaining <= .zero { return }
        do throws(Errno) {
            try System.poll(&requests, milliseconds: remaining?.millisecondsRoundedUp ?? -1)
        } catch {
            throw SocketError(.connect, .system(error))
        }
        for (index, request) in zip(indices, requests) where request.isReady {
            guard let socket = runners[index] else { continue }
            do throws(SocketError) {
                let raw = try socket.rawAddress(of: race.addresses[index], for: .connect)
                try socket.call(.connect) { descriptor throws(Errno) in
                    try System.finishConnect(descriptor, raw)
                }
                try arrived(index, socket)
            } catch {
                handle(error, index)
            }
        }
    }

    private mutating func arrived(_ index: Int, _ socket: Socket) throws(SocketError) {
        try socket.call(.connect) { descriptor throws(Errno) in
            try System.setBlocking(descriptor, true)
        }
        try socket.captureNames(race.addresses[index])
        race.succeeded(index)
    }

    private mutating func handle(_ error: SocketError, _ index: Int) {
        guard error.errno != .wouldBlock else { return }
        runners.removeValue(forKey: index)?.close()
        race.failed(index, because: error.cause, at: elapsed)
    }
}
