import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("MemoryStream", .ownThread)
struct MemoryStreamTests {
    @Test("bytes go both ways, and a half-close ends one direction")
    func bothWays() async throws {
        let (one, other) = try MemoryStream.pair()
        try await one.write("question\n")
        try one.shutdown(.write)
        #expect(try await other.readLine() == "question")
        #expect(try await other.readLine() == nil)
        try await other.write("answer")
        other.close()
        #expect(try await one.readToEnd() == Array("answer".utf8))
        let error = await #expect(throws: SocketError.self) { try await one.write("x") }
        #expect(error?.errno == .brokenPipe)
        #expect(error?.description == "cannot write to the memory stream: broken pipe")
    }

    @Test("two ends that both write more than the buffers hold time out")
    func deadlock() async throws {
        let (one, other) = try MemoryStream.pair(capacity: 100)
        let bytes = [UInt8](repeating: 1, count: 101)
        let writing = [one, other].map { stream in
            Task { try await stream.write(bytes, timeout: .milliseconds(20)) }
        }
        for task in writing {
            let error = await #expect(throws: SocketError.self) { try await task.value }
            #expect(error?.isTimeout == true)
            #expect(error?.bytesTransferred == 100)
        }
    }

    @Test("a write that is larger than the buffer continues when the peer reads")
    func largerThanBuffer() async throws {
        let (one, other) = try MemoryStream.pair(capacity: 7)
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
        async let writing: Void = one.write(bytes)
        #expect(try await other.readExactly(10_000) == bytes)
        try await writing
    }

    @Test("limited transfers deliver a message in pieces")
    func pieces() async throws {
        let (one, other) = try MemoryStream.pair(largestTransfer: 3)
        try await one.write("1234567\n")
        #expect(try await other.read() == Array("123".utf8))
        #expect(try await other.readLine() == "4567")
    }

    @Test("writes of several tasks stay whole")
    func writersQueue() async throws {
        let (one, other) = try MemoryStream.pair(capacity: 5)
        let lines = (0..<20).map { String(repeating: "\($0) ", count: 5) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for line in lines { group.addTask { try await one.write("\(line)\n") } }
            var received: [String] = []
            for _ in lines { received.append(try #require(try await other.readLine())) }
            #expect(received.sorted() == lines.sorted())
            try await group.waitForAll()
        }
    }

    @Test("tasks on a loop, on an actor and on the pool exchange bytes", arguments: [0, 1, 2])
    func executors(kind: Int) async throws {
        let (one, other) = try MemoryStream.pair(capacity: 3)
        let answering: Task<Void, any Error> =
            switch kind {
            case 0: Task(executorPreference: one.source.loop) { try await Self.answer(other) }
            case 1: Task { @MainActor in try await Self.answer(other) }
            default: Task.detached { try await Self.answer(other) }
            }
        for number in 0..<100 {
            try await one.write("\(number)\n")
            #expect(try await one.readLine(timeout: .seconds(10)) == "\(number)!")
        }
        try await answering.value
    }

    /// Answers 100 lines on the caller's executor.
    private static func answer(_ stream: MemoryStream) async throws {
        for _ in 0..<100 {
            guard let line = try await stream.readLine() else { return }
            try await stream.write("\(line)!\n")
        }
    }

    @Test("abort lets the peer read the rest, and then its reads and writes throw ECONNRESET")
    func abort() async throws {
        let (one, other) = try MemoryStream.pair()
        try await one.write("rest")
        one.abort()
        #expect(one.isClosed)
        #expect(try await other.read() == Array("rest".utf8))
        let reading = await #expect(throws: SocketError.self) { try await other.read() }
        #expect(reading?.errno == .connectionReset)
        let writing = await #expect(throws: SocketError.self) { try await other.write("x") }
        #expect(writing?.errno == .connectionReset)
    }

    @Test("abort ends this side's waits with `closed` and the peer's with ECONNRESET")
    func abortOfWaits() async throws {
        let (one, other) = try MemoryStream.pair(capacity: 1)
        let reading = Task { _ = try await one.read() }
        let writing = Task { try await one.write("xy") }
        let (peer, waiting) = try MemoryStream.pair()
        let peerReading = Task { try await waiting.read() }
        for stream in [one, waiting] {
            while !stream.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        }
        while !one.source.writers.isTaken { await Task.yield() }
        for stream in [one, peer] { stream.abort() }
        for task in [reading, writing] {
            let error = await #expect(throws: SocketError.self) { try await task.value }
            #expect(error?.cause == .closed)
        }
        let error = await #expect(throws: SocketError.self) { try await peerReading.value }
        #expect(error?.errno == .connectionReset)
        withExtendedLifetime(other) {}
    }

    @Test("close ends this side's waits with `closed` and the peer's with the end of the stream")
    func close() async throws {
        let (one, other) = try MemoryStream.pair()
        let reading = Task { try await one.read() }
        let peerReading = Task { try await other.read() }
        for stream in [one, other] {
            while !stream.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        }
        one.close()
        let error = await #expect(throws: SocketError.self) { try await reading.value }
        #expect(error?.cause == .closed)
        #expect(try await peerReading.value.isEmpty)
        let later = await #expect(throws: SocketError.self) { try await one.write("x") }
        #expect(later?.cause == .closed)
    }

    @Test("the release of the last reference closes an end")
    func released() async throws {
        let other: MemoryStream
        do {
            let pair = try MemoryStream.pair()
            other = pair.1
        }
        #expect(try await other.read(timeout: .seconds(10)).isEmpty)
    }

    @Test("a cancelled write throws `cancelled` with the number of written bytes")
    func cancelledWrite() async throws {
        let (one, other) = try MemoryStream.pair(capacity: 4)
        let writing = Task { try await one.write("123456") }
        // The write fills the buffer even if the task is cancelled first, and then it must wait.
        writing.cancel()
        let error = await #expect(throws: SocketError.self) { try await writing.value }
        #expect(error?.cause == .cancelled)
        #expect(error?.bytesTransferred == 4)
        #expect(try await other.read() == Array("1234".utf8))
    }

    @Test("a read of 0 bytes returns at once")
    func emptyRead() async throws {
        let (one, _) = try MemoryStream.pair()
        #expect(try await one.read(atMost: 0, timeout: .seconds(0)).isEmpty)
    }
}
