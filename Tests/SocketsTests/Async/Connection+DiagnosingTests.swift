import Testing

@testable import Sockets

@Suite("Connection: diagnose", .ownThread)
struct ConnectionDiagnosingTests {
    private static let limit = TimeLimit.milliseconds(700)
    private static let message = [UInt8](repeating: 0x61, count: 16 << 20)

    /// The kinds of pairs; the kernel reports much about TCP and little about Unix sockets.
    enum Kind: CaseIterable {
        case tcp, unix

        func pair() throws -> (Connection, Connection) {
            guard self == .tcp else { return try Connection.pair() }
            let (client, server) = try Loopback.tcpPair()
            return (try Connection(adopting: client), try Connection(adopting: server))
        }
    }

    private func report(
        _ operation: () async throws(SocketError) -> Void
    ) async throws -> StallReport {
        do throws(SocketError) {
            try await operation()
        } catch {
            #expect(error.isTimeout)
            return try #require(error.stallReport, "\(error)")
        }
        Issue.record("expected a timeout")
        throw SocketError(.diagnose, .closed)
    }

    @Test(
        "a write that times out reports `peerNotReading` if the peer does not read",
        arguments: Kind.allCases)
    func peerNotReading(kind: Kind) async throws {
        let (connection, peer) = try kind.pair()
        let report = try await report { () async throws(SocketError) in
            try await connection.write(Self.message, timeout: Self.limit)
        }
        #expect(report.verdict == .peerNotReading, "\(report) \(report.statistics)")
        withExtendedLifetime(peer) {}
    }

    @Test("two ends that write and never read both report `bothWriting`", arguments: Kind.allCases)
    func bothWriting(kind: Kind) async throws {
        let (connection, peer) = try kind.pair()
        let other = Task { try? await peer.write(Self.message) }
        // The deadlock is complete when both directions are full.
        let deadline = ContinuousClock.now + .seconds(10)
        while try connection.diagnose().statistics.receiveQueue ?? 0 < 100_000, .now < deadline {
            await Task.yield()
        }
        let report = try await report { () async throws(SocketError) in
            try await connection.write(Self.message, timeout: Self.limit)
        }
        #expect(report.verdict == .bothWriting, "\(report) \(report.statistics)")
        let theirs = try await peer.diagnose(watching: .milliseconds(700))
        #expect(theirs.verdict == .bothWriting, "\(theirs) \(theirs.statistics)")
        peer.close()
        await other.value
    }

    @Test(
        "a read that times out reports `bothWaiting` if the peer does not write",
        arguments: ["read", "line", "exactly", "lend"])
    func bothWaiting(operation: String) async throws {
        let (connection, peer) = try Kind.tcp.pair()
        let error = await #expect(throws: SocketError.self) {
            switch operation {
            case "read": _ = try await connection.read(timeout: Self.limit)
            case "line": _ = try await connection.readLine(timeout: Self.limit)
            case "exactly": _ = try await connection.readExactly(3, timeout: Self.limit)
            default: _ = try await connection.withReceived(timeout: Self.limit) { _ in }
            }
        }
        #expect(error?.stallReport?.verdict == .bothWaiting)
        withExtendedLifetime(peer) {}
    }

    @Test("the stall report of readLine counts the bytes of the incomplete line")
    func partOfALine() async throws {
        let (connection, peer) = try Kind.tcp.pair()
        try await peer.write("half a line")
        let report = try await report { () async throws(SocketError) in
            _ = try await connection.readLine(timeout: Self.limit)
        }
        #expect(report.verdict == .bothWaiting, "\(report) \(report.statistics)")
        #expect(report.evidence.contains("11 bytes of the expected data"))
    }

    @Test("an exchange that times out reports whether the peer did not read or did not reply")
    func exchanges() async throws {
        let (connection, peer) = try Kind.tcp.pair()
        let quiet = try await report { () async throws(SocketError) in
            _ = try await connection.exchange("hello\n", reading: .line, timeout: Self.limit)
        }
        #expect(quiet.verdict == .bothWaiting)
        let notReading = try await report { () async throws(SocketError) in
            _ = try await connection.exchange(Self.message, reading: .toEnd(), timeout: Self.limit)
        }
        #expect(notReading.verdict == .peerNotReading)
        withExtendedLifetime(peer) {}
    }

    @Test("an operation that times out without waiting has no stall report")
    func noWait() async throws {
        let (connection, peer) = try Connection.pair()
        let error = await #expect(throws: SocketError.self) {
            try await connection.read(timeout: .milliseconds(0))
        }
        #expect(error?.isTimeout == true)
        #expect(error?.stallReport == nil)
        withExtendedLifetime(peer) {}
    }

    @Test("diagnose reports an idle connection and does not disturb a concurrent read")
    func idle() async throws {
        let (connection, peer) = try Kind.tcp.pair()
        async let line = connection.readLine()
        #expect(try connection.diagnose().verdict == .idle)
        #expect(try await connection.diagnose(watching: .milliseconds(50)).verdict == .idle)
        try await peer.write("still there\n")
        #expect(try await line == "still there")
    }

    @Test(
        "diagnose reports `notReading` if received bytes stay unread on this side",
        arguments: Kind.allCases)
    func notReading(kind: Kind) async throws {
        let (connection, peer) = try kind.pair()
        try await peer.write("hello")
        let report = try await connection.diagnose(watching: .milliseconds(600))
        #expect(report.verdict == .notReading, "\(report) \(report.statistics)")
        #expect(report.samplingInterval >= .milliseconds(600))
    }

    @Test("diagnose does not report a transfer at full speed as stuck", arguments: Kind.allCases)
    func fullSpeed(kind: Kind) async throws {
        let (connection, peer) = try kind.pair()
        async let reading: Void = {
            while try await peer.withReceived({ $0.byteCount }) != nil {}
        }()
        async let writing: Void = {
            while true { try await connection.write(Self.message) }
        }()
        for _ in 0..<3 {
            let report = try await connection.diagnose(watching: .milliseconds(300))
            #expect(!report.verdict.isStuck, "\(report) \(report.statistics)")
        }
        connection.close()
        _ = try? await (reading, writing)
    }

    @Test("diagnose(watching:) throws when its task is cancelled or the connection is closed")
    func ends() async throws {
        let (connection, peer) = try Connection.pair()
        let cancelled = Task { try await connection.diagnose(watching: .seconds(25)) }
        cancelled.cancel()
        let error = await #expect(throws: SocketError.self) { try await cancelled.value }
        #expect(error?.cause == .cancelled)
        let closed = Task { try await connection.diagnose(watching: .seconds(2)) }
        connection.close()
        let other = await #expect(throws: SocketError.self) { try await closed.value }
        #expect(other?.cause == .closed)
        withExtendedLifetime(peer) {}
    }
}
