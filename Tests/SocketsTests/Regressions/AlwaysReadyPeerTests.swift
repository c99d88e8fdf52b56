import SystemPackage
import Testing

@testable import Sockets

/// Operations with a peer that is always ready, so that no system call waits.
///
/// Only a check of the clock between two steps can end such an operation. In these tests, each step
/// transfers one byte, and the time limit passes during the first step.
@Suite("Time limits with a peer that is always ready", .ownThread, .timeLimit(.minutes(5)))
struct AlwaysReadyPeerTests {
    private static let text = "abcdefgh"
    private static let bytes = Array(text.utf8)
    private static let limit = TimeLimit(.nanoseconds(1))

    /// Runs `body` with each system call limited to one byte.
    private func byteByByte<Result>(
        _ body: () throws -> Result
    ) rethrows -> Result {
        try FaultInjection.$current.withValue(Self.byteByByte) { try body() }
    }

    private func byteByByte<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async rethrows -> Result {
        try await FaultInjection.$current.withValue(Self.byteByByte) { try await body() }
    }

    private static var byteByByte: FaultInjection {
        let one = Array(repeating: FaultInjection.Fault.short(1), count: bytes.count)
        return FaultInjection([.send: one, .sendmsg: one, .sendfile: one, .recv: one])
    }

    // MARK: Threads

    @Test(
        "a blocking send throws `timedOut` after its limit even if the peer is always ready",
        arguments: [
            { try $0.sendAll(bytes, timeout: limit) },
            { try $0.sendAll(parts: [bytes], timeout: limit) },
            {
                let stream = SocketStream($0)
                try stream.write(bytes)
                try stream.flush(timeout: limit)
            },
            { _ = try $0.exchange(bytes, reading: .toEnd(), timeout: limit) },
        ] as [@Sendable (Socket) throws -> Void])
    func blockingSend(_ send: @Sendable (Socket) throws -> Void) throws {
        let (one, other) = try Loopback.tcpPair()
        let error = try #require(
            #expect(throws: SocketError.self) { try byteByByte { try send(one) } })
        #expect(error.isTimeout)
        #expect(error.bytesTransferred == 1)
        #expect(error.stallReport?.verdict.isStuck == false)
        one.close()
        #expect(try other.readToTheEnd() == 1)
    }

    @Test(
        "a blocking read throws `timedOut` and loses no byte, even if the peer is always ready",
        arguments: [
            { try $0.readExactly(bytes.count, timeout: limit).isEmpty },
            { try $0.readUntil(0x68, timeout: limit) == nil },
            { try $0.readToEnd(timeout: limit).isEmpty },
            { try $0.readLine(timeout: limit) == nil },
            { try $0.exchange("", reading: .toEnd(), timeout: limit).bytes.isEmpty },
        ] as [@Sendable (SocketStream) throws -> Bool])
    func blockingRead(_ read: @Sendable (SocketStream) throws -> Bool) throws {
        let (one, other) = try Socket.pair()
        try other.sendAll(Self.text)
        try other.shutdown(.write)
        let stream = SocketStream(one)
        let error = try #require(
            #expect(throws: SocketError.self) { try byteByByte { try read(stream) } })
        #expect(error.isTimeout)
        #expect(try stream.readToEnd() == Self.bytes)
    }

    @Test("sendAll splits 4 MiB into calls of at most 1 MiB only if a time limit is set")
    func bytesPerCall() throws {
        let count = 4 << 20
        for (limit, calls) in [(TimeLimit.seconds(30), 4...64), (.never, 1...1)] {
            for send in [
                { try $0.sendAll(pattern(count), timeout: limit) },
                { try $0.sendAll(parts: [[1], pattern(count - 1)], timeout: limit) },
            ] as [(Socket) throws -> Void] {
                let (one, other) = try Loopback.tcpPair()
                let reading = Background { try other.readAll(count).count }
                let pass = Array(repeating: FaultInjection.Fault.pass, count: 64)
                let faults = FaultInjection([.send: pass, .sendmsg: pass])
                try FaultInjection.$current.withValue(faults) { try send(one) }
                #expect(try reading.value() == count)
                let made =
                    128 - faults.remaining(of: .send) - faults.remaining(of: .sendmsg)
                #expect(calls.contains(made), "\(made) calls under \(limit)")
            }
        }
    }

    @Test("a large datagram is sent whole or rejected, but never divided")
    func datagram() throws {
        let (one, other) = try Socket.pair(.datagram)
        try one.setOption(.sendBufferSize, to: 8 << 20)
        let large = [UInt8](repeating: 1, count: System.mostAtOnce + 1)
        // Root may send a datagram this large. Otherwise the kernel rejects it and truncates nothing.
        do {
            try one.sendAll(large, timeout: .seconds(5))
            #expect(try other.receive(atMost: large.count).count == large.count)
        } catch {
            #expect(error.errno == .messageTooLong)
        }
    }

    // MARK: Tasks

    @Test(
        "an async write throws `timedOut` after its limit even if the peer is always ready",
        arguments: [
            { try await $0.write(bytes, timeout: limit) },
            { try await $0.write(parts: [bytes], timeout: limit) },
            { _ = try await $0.exchange(bytes, reading: .toEnd(), timeout: limit) },
        ] as [@Sendable (Connection) async throws -> Void])
    func write(_ write: @Sendable (Connection) async throws -> Void) async throws {
        let (socket, other) = try Loopback.tcpPair()
        let one = try Connection(adopting: socket)
        let error = try #require(
            await #expect(throws: SocketError.self) {
                try await byteByByte { try await write(one) }
            })
        #expect(error.isTimeout)
        // A write does not check the clock before its first step, and an exchange checks after each step.
        #expect((2...3).contains(error.bytesTransferred))
        #expect(error.stallReport?.verdict.isStuck == false)
        one.close()
        #expect(try other.readToTheEnd() == error.bytesTransferred)
    }

    @Test("sendFile throws `timedOut` after its limit even if the peer is always ready")
    func sendFile() async throws {
        let (socket, other) = try Loopback.tcpPair()
        let one = try Connection(adopting: socket)
        let path = FilePath(Loopback.unixPath() + "-file")
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .truncate], permissions: .ownerReadWrite)
        defer { try? file.close() }
        try file.writeAll(Self.bytes)
        let error = await #expect(throws: SocketError.self) {
            try await byteByByte { try await one.sendFile(file, timeout: Self.limit) }
        }
        #expect(error?.isTimeout == true)
        #expect(error?.bytesTransferred == 2)
        one.close()
        #expect(try other.readToTheEnd() == 2)
    }

    @Test(
        "an async read throws `timedOut` and loses no byte, even if the peer is always ready",
        arguments: [
            { try await $0.readExactly(bytes.count, timeout: limit).isEmpty },
            { try await $0.readUntil(0x68, timeout: limit) == nil },
            { try await $0.readToEnd(timeout: limit).isEmpty },
            { try await $0.readLine(timeout: limit) == nil },
            { try await $0.exchange("", reading: .toEnd(), timeout: limit).bytes.isEmpty },
        ] as [@Sendable (Connection) async throws -> Bool])
    func read(_ read: @Sendable (Connection) async throws -> Bool) async throws {
        let (one, other) = try Connection.pair()
        try await other.write(Self.text)
        try other.shutdown(.write)
        let error = try #require(
            await #expect(throws: SocketError.self) {
                try await byteByByte { try await read(one) }
            })
        #expect(error.isTimeout)
        #expect(try await one.readToEnd() == Self.bytes)
    }

    @Test("a receive and an async read throw if the deadline precedes the machine's start")
    func beforeTheBeginning() async throws {
        let past = TimeLimit.until(.now - .seconds(3_000_000_000))
        let (one, other) = try Socket.pair()
        #expect(throws: SocketError.self) { try one.receive(timeout: past) }
        let connection = try Connection(adopting: one)
        let error = await #expect(throws: SocketError.self) {
            try await connection.read(timeout: past)
        }
        #expect(error?.isTimeout == true)
        withExtendedLifetime(other) {}
    }
}
