import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("Readiness: waiting", .ownThread)
struct ReadinessWaitingTests {
    private let reader: FileDescriptor
    private let writer: FileDescriptor
    private let ends: [Descriptor]

    init() throws {
        (reader, writer) = try FileDescriptor.pipe()
        ends = [reader, writer].map { Descriptor($0.rawValue) }
    }

    /// Waits until a task waits on a duplicate of one of the pipe's two ends.
    private func untilWaiting() async {
        #expect(await eventually { openEnds == 3 })
    }

    /// The number of this process's descriptors of the pipe.
    private var openEnds: Int {
        let name = "pipe:[\(inode(of: reader.rawValue) ?? 0)]"
        return targetsOfOpenDescriptors().count { $0 == name }
    }

    @Test("wait returns at once if the descriptor is ready")
    func isReady() async throws {
        #expect(try await Readiness.wait(for: writer, [.readable, .writable]) == .writable)
        try writer.write("x")
        #expect(try await Readiness.wait(for: reader, .readable, timeout: .seconds(0)) == .readable)
    }

    @Test("wait returns when bytes arrive, reads none of them, and closes its duplicate")
    func becomesReadable() async throws {
        let reader = reader
        let waiting = Task {
            try await Readiness.wait(for: reader, .readable, timeout: .seconds(10))
        }
        await untilWaiting()
        try writer.write("x")
        #expect(try await waiting.value == .readable)
        #expect(openEnds == 2)
        #expect(try reader.text() == "x")
        #expect(reader.isBlocking)
    }

    @Test("wait returns when the descriptor becomes writable again")
    func becomesWritable() async throws {
        _ = fcntl(writer.rawValue, F_SETFL, O_NONBLOCK)
        let block = String(repeating: "x", count: 4096)
        var written = 0
        while true {
            do {
                try writer.write(block)
                written += block.utf8.count
            } catch Errno.wouldBlock {
                break
            }
        }
        let writer = writer
        let waiting = Task {
            try await Readiness.wait(for: writer, [.readable, .writable], timeout: .seconds(10))
        }
        await untilWaiting()
        while written > 0 { written -= try reader.text().utf8.count }
        #expect(try await waiting.value == .writable)
    }

    @Test("wait returns `ending` when the last writer closes, also for an empty interest")
    func ending() async throws {
        let socket = try Socket.pair()
        let descriptor = try socket.0.release()
        let owner = Descriptor(descriptor.rawValue)
        let waiting = Task {
            try await Readiness.wait(for: descriptor, [], timeout: .seconds(10))
        }
        try socket.1.send("x")
        socket.1.close()
        #expect(try await waiting.value == .ending)
        withExtendedLifetime(owner) {}
    }

    @Test("several tasks wait for one descriptor, in both directions")
    func severalTasks() async throws {
        let (one, other) = try Socket.pair()
        let descriptor = try one.release()
        let owner = Descriptor(descriptor.rawValue)
        async let first = Readiness.wait(for: descriptor, .readable, timeout: .seconds(10))
        async let second = Readiness.wait(for: descriptor, .readable, timeout: .seconds(10))
        async let third = Readiness.wait(for: descriptor, .writable, timeout: .seconds(10))
        #expect(try await third == .writable)
        try other.send("x")
        #expect(try await first == .readable)
        #expect(try await second == .readable)
        withExtendedLifetime(owner) {}
    }

    @Test("wait throws `timedOut` with the descriptor's number if nothing happens in time")
    func timesOut() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await Readiness.wait(for: reader, .readable, timeout: .milliseconds(1))
        }
        #expect(
            error?.description
                == "cannot wait for descriptor \(reader.rawValue): timed out after 1 ms")
    }

    @Test("wait throws `cancelled` if the task is cancelled during the wait")
    func cancelled() async throws {
        let reader = reader
        let waiting = Task {
            try await Readiness.wait(for: reader, .readable, timeout: .seconds(10))
        }
        await untilWaiting()
        waiting.cancel()
        let error = await #expect(throws: SocketError.self) { try await waiting.value }
        #expect(error?.cause == .cancelled)
        #expect(openEnds == 2)
    }

    // MARK: A descriptor that is always ready

    @Test("wait throws `cancelled` if the task was cancelled before, even for a ready descriptor")
    func cancelledBefore() async throws {
        let writer = writer
        let waiting = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await Readiness.wait(for: writer, .writable)
        }
        let error = await #expect(throws: SocketError.self) { try await waiting.value }
        #expect(error?.cause == .cancelled)
    }

    @Test("wait throws `timedOut` after the limit of withTimeLimit, even for a ready descriptor")
    func limited() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(.seconds(0)) {
                try await Readiness.wait(for: writer, .writable)
            }
        }
        #expect(error?.hint == "withTimeLimit(0 ms) ended the operation.")
    }

    @Test("a loop of waits for a ready descriptor lets the other tasks of its event loop run")
    func othersRun() async throws {
        let group = try LoopGroup(loops: 1)
        defer { group.shutdown() }
        let executor = group.executors[0]
        let (writer, hasRun) = (writer, Lock(false))
        let waiting = Task(executorPreference: executor) {
            let other = Task(executorPreference: executor) { hasRun.withLock { $0 = true } }
            for _ in 0..<100 { try await Readiness.wait(for: writer, .writable, group: group) }
            let ranMeanwhile = hasRun.withLock { $0 }
            await other.value
            return ranMeanwhile
        }
        #expect(try await waiting.value)
    }

    @Test("a regular file is always ready")
    func regularFile() async throws {
        let file = try FileDescriptor.open("/proc/self/status", .readOnly)
        defer { try? file.close() }
        let ready = try await Readiness.wait(for: file, .readable, timeout: .seconds(10))
        #expect(ready.contains(.readable))
    }

    @Test("wait throws EBADF for a descriptor that is not open")
    func notOpen() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await Readiness.wait(for: FileDescriptor(rawValue: .max), .readable)
        }
        #expect(error?.errno == .badFileDescriptor)
    }
}
