import SystemPackage
import Testing

@testable import Sockets

@Suite("ConnectAttempts", .ownThread)
struct ConnectAttemptsTests {
    /// Waits until an attempt has connected.
    private func connect(_ attempts: consuming ConnectAttempts) throws -> OwnedSocket {
        while true {
            switch try attempts.advance() {
            case .connected(let socket): return socket
            case .wait:
                var requests = attempts.descriptors.map {
                    PollRequest(descriptor: $0, isForWriting: true)
                }
                try System.poll(&requests, milliseconds: 10_000)
                _ = attempts.check()
            }
        }
    }

    @Test("the connected socket is non-blocking")
    func wins() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let socket = try connect(
            try ConnectAttempts(
                to: [listener.localAddress], .stream, ConnectOptions(),
                Deadline(startingNow: .seconds(10))))
        let remote = socket.remoteAddress
        #expect(remote == listener.localAddress)
        let descriptor = socket.descriptor.number
        #expect(throws: Errno.wouldBlock) {
            try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) {
                _ = try System.recv(descriptor, $0, [])
            }
        }
    }

    @Test(
        "each racing attempt has the socket options and the local address of its family",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func optionsOfEachAttempt() throws {
        // The neighbours never answer, so both attempts stay in progress.
        let commands = [
            "ip link set lo up", "ip link add d0 type veth peer name d1",
            "ip link set d0 up", "ip link set d1 up",
            "ip addr add 192.0.2.1/24 dev d0", "ip -6 addr add 2001:db8::1/64 dev d0 nodad",
            "ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:99 dev d0",
            "ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:99 dev d0",
        ]
        let found = try PrivateMachine.run(commands: commands) { () -> [String] in
            let texts = ["192.0.2.1:0", "[2001:db8::1]:0", "192.0.2.9:9", "[2001:db8::9]:9"]
            let addresses = try texts.map { try #require(SocketAddress($0)) }
            let options = ConnectOptions(
                localAddresses: Array(addresses[..<2]),
                socketOptions: [
                    .boundInterface("d0"), .mark(7), .userTimeout(.seconds(5)),
                    .trafficClass(.af11), .flowLabel(0x777),
                ])
            var attempts = try ConnectAttempts(
                to: Array(addresses[2...]), .stream, options, Deadline(startingNow: .seconds(20)))
            while attempts.descriptors.count < 2 {
                switch try attempts.advance() {
                case .connected: return []
                case .wait(let duration):
                    guard attempts.descriptors.count < 2 else { continue }
                    var requests = attempts.descriptors.map {
                        PollRequest(descriptor: $0, isForWriting: true)
                    }
                    try System.poll(
                        &requests, milliseconds: duration?.millisecondsRoundedUp ?? -1)
                }
            }
            return try attempts.descriptors.map { descriptor -> String in
                let local = SocketAddress(try System.getsockname(descriptor))
                let family = try #require(local.family)
                return [
                    "\(local.with(port: 0))",
                    try SocketOption.boundInterface.get(descriptor, family) ?? "none",
                    "\(try SocketOption.mark.get(descriptor, family))",
                    "\(try SocketOption.userTimeout.get(descriptor, family))",
                    "\(try SocketOption.trafficClass.get(descriptor, family).codePoint.rawValue)",
                    family == .ipv4
                        ? "no label" : "\(try SocketOption.flowLabel.get(descriptor, family) ?? 0)",
                ].joined(separator: " ")
            }.sorted()
        }
        #expect(
            found == [
                "192.0.2.1:0 d0 7 5.0 seconds 10 no label",
                "[2001:db8::1]:0 d0 7 5.0 seconds 10 1911",
            ])
    }

    @Test("if the kernel rejects an option of the second attempt, the first attempt is closed")
    func rejectedOption() throws {
        let servers = try (0..<2).map { _ in
            try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        }
        let queued = try servers.map { try Socket(to: $0.localAddress) }
        let options = ConnectOptions(socketOptions: [.priority(5)])
        var closed: [Bool] = []
        let error = #expect(throws: SocketError.self) {
            try FaultInjection.during([.setsockopt: [.pass, .error(.notPermitted)]]) {
                var attempts = try ConnectAttempts(
                    to: servers.map(\.localAddress), .stream, options,
                    Deadline(startingNow: .seconds(20)))
                while true {
                    switch try attempts.advance() {
                    case .connected: return
                    case .wait(let duration):
                        for attempt in attempts.takeStarted() {
                            let descriptor = attempt.descriptor
                            attempt.willEnd = {
                                closed.append((try? System.getsockname(descriptor)) != nil)
                            }
                        }
                        var none: [PollRequest] = []
                        try System.poll(
                            &none, milliseconds: duration?.millisecondsRoundedUp ?? -1)
                    }
                }
            }
        }
        #expect(closed == [true])
        #expect(error?.operation == .setOption)
        #expect(error?.subject == "priority")
        withExtendedLifetime(queued) {}
    }

    @Test("takeStarted returns each running attempt exactly once")
    func started() throws {
        let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let queued = try Socket(to: full.localAddress)
        var attempts = try ConnectAttempts(
            to: [full.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .never))
        let waits = try attempts.advance().isEndlessWait()
        #expect(waits)
        let isUnix = attempts.isUnix
        #expect(isUnix)
        let started = attempts.takeStarted().count
        #expect(started == 1)
        let startedSince = attempts.takeStarted().count
        #expect(startedSince == 0)
        let hasEnded = attempts.check()
        #expect(!hasEnded)
        withExtendedLifetime(queued) {}
    }

    @Test("willEnd is called before the descriptor of an attempt is closed")
    func willEnd() throws {
        let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let queued = try Socket(to: full.localAddress)
        var attempts = try ConnectAttempts(
            to: [full.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .never))
        _ = try attempts.advance()
        var wasOpen = false
        for attempt in attempts.takeStarted() {
            let descriptor = attempt.descriptor
            attempt.willEnd = { wasOpen = (try? System.getsockname(descriptor)) != nil }
        }
        attempts.closeAll()
        #expect(wasOpen)
        withExtendedLifetime(queued) {}
    }

    @Test("after stop, advance throws an error with the given cause and the list of attempts")
    func stopped() throws {
        let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let queued = try Socket(to: full.localAddress)
        var attempts = try ConnectAttempts(
            to: [full.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .never))
        _ = try attempts.advance()
        attempts.stop(because: .cancelled)
        do throws(SocketError) {
            _ = try attempts.advance()
            Issue.record("expected an error")
        } catch {
            #expect(error.cause == .cancelled)
            #expect(error.attempts.map(\.address) == [full.localAddress])
        }
        withExtendedLifetime(queued) {}
    }
}

extension ConnectAttempts.Step {
    /// Whether to wait without a limit.
    fileprivate consuming func isEndlessWait() -> Bool {
        switch consume self {
        case .wait(let duration): duration == nil
        case .connected: false
        }
    }
}
