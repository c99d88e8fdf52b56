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

    @Test("wait returns at once if the descriptor is ready")
    func isReady() async throws {
        #expect(try await Readiness.wait(for: writer, [.readable, .writable]) == .writable)
        try writer.write("x")
        #expect(try await Readiness.wait(for: reader, .readable, timeout: .seconds(0)) == .readable)
    }

    @Test("wait returns when bytes arrive, and reads none of them")
    func becomesReadable() async throws {
        let reader = reader
        let waiting = Task {
            try await Readiness.wait(for: reader, .readable, timeout: .seconds(10))
        }
        try writer.write("x")
        #expect(try await waiting.value == .readable)
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

    @Test("wait throws `cancelled` if the task is cancelled before or during the wait")
    func cancelled() async throws {
        let reader = reader
        let waiting = Task {
            try await Readiness.wait(for: reader, .readable, timeout: .seconds(10))
        }
        waiting.cancel()
        let error = await #expect(throws: SocketError.self) { try await waiting.value }
        #expect(error?.cause == .cancelled)
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
