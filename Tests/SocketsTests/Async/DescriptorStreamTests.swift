import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("DescriptorStream", .ownThread)
struct DescriptorStreamTests {
    /// Returns streams over the two ends of a pipe.
    private func pipe() throws -> (reader: DescriptorStream, writer: DescriptorStream) {
        let ends = try System.pipe()
        return (
            try DescriptorStream(adopting: FileDescriptor(rawValue: ends.reading)),
            try DescriptorStream(adopting: FileDescriptor(rawValue: ends.writing))
        )
    }

    /// Writes to a pipe whose reader has closed, and returns the error.
    ///
    /// A program that another test starts has the reading end until it calls exec, so the first
    /// writes may succeed.
    private func failureWithoutReader(_ writer: DescriptorStream) async -> SocketError? {
        await #expect(throws: SocketError.self) {
            while true { try await writer.write("x", timeout: .seconds(10)) }
        }
    }

    // MARK: Pipes

    @Test("lines written to a pipe are read up to the end of the stream")
    func lines() async throws {
        let (reader, writer) = try pipe()
        try await writer.write("one\r\ntwo\nthree")
        writer.close()
        #expect(try await reader.readLine() == "one")
        #expect(try await reader.readLine() == "two")
        #expect(try await reader.readLine() == "three")
        #expect(try await reader.readLine() == nil)
        #expect(try await reader.read().isEmpty)
    }

    @Test("a write that is larger than the pipe waits for the reader")
    func largeWrite() async throws {
        let (reader, writer) = try pipe()
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let writing = Task {
            try await writer.write(bytes)
            try writer.shutdown(.write)
        }
        #expect(try await reader.readToEnd() == bytes)
        try await writing.value
    }

    @Test("a read that waits returns when bytes arrive")
    func waits() async throws {
        let (reader, writer) = try pipe()
        let reading = Task { try await reader.read() }
        while !reader.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        try await writer.write("x")
        #expect(try await reading.value == [0x78])
    }

    @Test("a write to a pipe without a reader throws EPIPE and raises no signal")
    func brokenPipe() async throws {
        let (reader, writer) = try pipe()
        reader.close()
        #expect(await failureWithoutReader(writer)?.errno == .brokenPipe)
    }

    @Test("a read times out, and the next read returns what arrived later")
    func timesOut() async throws {
        let (reader, writer) = try pipe()
        reader.readTimeout = .milliseconds(1)
        let error = await #expect(throws: SocketError.self) { try await reader.readLine() }
        #expect(error?.isTimeout == true)
        #expect(error?.description.hasPrefix("cannot read from the stream on descriptor ") == true)
        try await writer.write("late\n")
        #expect(try await reader.readLine(timeout: .seconds(10)) == "late")
    }

    @Test("a write that times out part-way refuses further writes until resumeWriting")
    func incompleteWrite() async throws {
        let (reader, writer) = try pipe()
        let bytes = [UInt8](repeating: 1, count: 1_000_000)
        let error = await #expect(throws: SocketError.self) {
            try await writer.write(bytes, timeout: .milliseconds(1))
        }
        let sent = try #require(error?.bytesTransferred)
        #expect(error?.isTimeout == true && sent > 0)
        let refused = await #expect(throws: SocketError.self) { try await writer.write("x") }
        #expect(refused?.cause == .incompleteWrite)
        try writer.resumeWriting()
        let writing = Task {
            try await writer.write(Array(bytes[sent...]))
            writer.close()
        }
        #expect(try await reader.readToEnd() == bytes)
        try await writing.value
    }

    @Test("a cancelled read throws `cancelled` and loses no bytes")
    func cancelled() async throws {
        let (reader, writer) = try pipe()
        try await writer.write("par")
        let reading = Task { try await reader.readLine() }
        while !reader.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        reading.cancel()
        let error = await #expect(throws: SocketError.self) { try await reading.value }
        #expect(error?.cause == .cancelled)
        try await writer.write("t\n")
        #expect(try await reader.readLine() == "part")
    }

    @Test("a second reader gets `busy`, and close ends the wait of the first with `closed`")
    func busyAndClosed() async throws {
        let (reader, writer) = try pipe()
        let reading = Task { try await reader.read() }
        while !reader.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        let busy = await #expect(throws: SocketError.self) { try await reader.read() }
        #expect(busy?.cause == .busy)
        reader.close()
        let closed = await #expect(throws: SocketError.self) { try await reading.value }
        #expect(closed?.cause == .closed)
        #expect(reader.isClosed)
        withExtendedLifetime(writer) {}
    }

    @Test("shutting down the direction that a pipe's end lacks throws ENOTSOCK")
    func shutdownOfMissingDirection() async throws {
        let (reader, writer) = try pipe()
        let error = #expect(throws: SocketError.self) { try writer.shutdown(.read) }
        #expect(error?.errno == .notSocket)
        try await writer.write("still open\n")
        #expect(try await reader.readLine() == "still open")
    }

    @Test("reading from a writing end throws EBADF")
    func wrongDirection() async throws {
        let (_, writer) = try pipe()
        let error = await #expect(throws: SocketError.self) { try await writer.read() }
        #expect(error?.errno == .badFileDescriptor)
    }

    // MARK: The blocking mode

    @Test(
        "close and release restore the blocking mode that other descriptors share",
        arguments: [true, false])
    func restoresMode(isReleased: Bool) async throws {
        let ends = try FileDescriptor.pipe()
        let writer = Descriptor(ends.writeEnd.rawValue)
        let shared = Descriptor(try ends.readEnd.duplicate().rawValue)
        let stream = try DescriptorStream(adopting: ends.readEnd)
        #expect(!shared.isBlocking)
        if isReleased {
            let released = try stream.release()
            #expect(released == ends.readEnd)
            try released.close()
        } else {
            stream.close()
        }
        #expect(shared.isBlocking)
        withExtendedLifetime(writer) {}
    }

    @Test("close and release keep the mode of a descriptor that was nonblocking")
    func keepsMode() throws {
        let ends = try FileDescriptor.pipe()
        let writer = Descriptor(ends.writeEnd.rawValue)
        _ = fcntl(ends.readEnd.rawValue, F_SETFL, O_NONBLOCK)
        let released = Descriptor(
            try DescriptorStream(adopting: ends.readEnd).release().rawValue)
        #expect(!released.isBlocking)
        withExtendedLifetime(writer) {}
    }

    @Test("release throws while received bytes have not been read")
    func unreadInput() async throws {
        let (reader, writer) = try pipe()
        try await writer.write("line\nrest")
        #expect(try await reader.readLine() == "line")
        let error = #expect(throws: SocketError.self) { try reader.release() }
        #expect(error?.cause == .invalidInput("the program has not read 4 bytes of its input"))
        #expect(try await reader.read() == Array("rest".utf8))
        try reader.release().close()
        #expect(reader.isClosed)
        #expect(await failureWithoutReader(writer)?.errno == .brokenPipe)
    }

    @Test("release fails with EBUSY while a task reads, and the read continues")
    func busyRelease() async throws {
        let (reader, writer) = try pipe()
        let reading = Task { try await reader.read() }
        while !reader.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        let error = #expect(throws: SocketError.self) { try reader.release() }
        #expect(error?.errno == .resourceBusy)
        try await writer.write("x")
        #expect(try await reading.value == [0x78])
    }

    // MARK: Terminals

    @Test("a stream over a terminal leaves the mode of the shared descriptor alone")
    func terminal() async throws {
        let pair = try Pseudoterminal()
        let shared = Descriptor(try pair.terminal.duplicate().rawValue)
        let stream = try DescriptorStream(adopting: pair.terminal)
        let master = try DescriptorStream(adopting: pair.master)
        #expect(shared.isBlocking)
        try await master.write("question\n")
        #expect(try await stream.readLine(timeout: .seconds(10)) == "question")
        try await stream.write("answer\n")
        #expect(try await master.readLine(timeout: .seconds(10)) == "answer")
        #expect(shared.isBlocking)
        let released = try stream.release()
        #expect(released == pair.terminal)
        #expect(released.isBlocking)
        try released.close()
    }

    @Test("reads of a canonical terminal return one line each, although more have arrived")
    func canonicalTerminal() async throws {
        let pair = try Pseudoterminal(isCanonical: true)
        defer { try? pair.master.close() }
        let stream = try DescriptorStream(adopting: pair.terminal)
        try pair.master.write("one\ntwo\n")
        #expect(try await stream.read(timeout: .seconds(10)) == Array("one\n".utf8))
        #expect(try await stream.read(timeout: .seconds(10)) == Array("two\n".utf8))
    }

    @Test("a terminal has two directions, so one of them cannot be shut down")
    func terminalShutdown() async throws {
        let pair = try Pseudoterminal()
        defer { try? pair.master.close() }
        let stream = try DescriptorStream(adopting: pair.terminal)
        let error = #expect(throws: SocketError.self) { try stream.shutdown(.write) }
        #expect(error?.errno == .notSocket)
        try await stream.write("still open")
        #expect(try pair.master.text() == "still open")
    }

    // MARK: Other descriptors

    @Test("an eventfd is read when another thread signals it")
    func event() async throws {
        let stream = try DescriptorStream(
            adopting: FileDescriptor(rawValue: try System.makeEvent()))
        let reading = Task { try await stream.read(as: UInt64.self, byteOrder: .littleEndian) }
        while !stream.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        try await stream.write(7, as: UInt64.self, byteOrder: .littleEndian)
        #expect(try await reading.value == 7)
    }

    @Test("inotify reports a change of a file")
    func inotify() async throws {
        let path = Loopback.unixPath() + "-watched"
        let file = try FileDescriptor.open(
            FilePath(path), .writeOnly, options: .create, permissions: .ownerReadWrite)
        defer {
            try? file.close()
            unlink(path)
        }
        let descriptor = inotify_init1(Int32(O_CLOEXEC))
        let watch = inotify_add_watch(descriptor, path, UInt32(IN_MODIFY))
        let stream = try DescriptorStream(adopting: FileDescriptor(rawValue: descriptor))
        try file.write("x")
        let event = try await stream.read(timeout: .seconds(10))
        #expect(Int32(bytes: event.prefix(4)) == watch)
    }

    @Test(
        "a tunnel passes whole packets in both directions",
        .enabled(
            if: PrivateMachine.isAvailable && access("/dev/net/tun", R_OK | W_OK) == 0,
            "needs root and /dev/net/tun"))
    func tunnel() throws {
        let commands = [
            "ip tuntap add dev tun0 mode tun", "ip addr add 10.9.0.1/24 dev tun0",
            "ip link set tun0 up",
        ]
        let answer = try PrivateMachine.runTask(commands: commands) { group in
            let stream = try DescriptorStream(adopting: Self.openTunnel("tun0"), group: group)
            let channel = try DatagramChannel(
                to: .ipv4(IPv4Address(10, 9, 0, 2), port: 9), group: group)
            // The kernel discards packets until it has noticed that the tunnel is open.
            let isRunning = await eventually {
                (try? NetworkInterface.all)?.contains {
                    $0.name == "tun0" && $0.flags.contains(.running)
                } ?? false
            }
            #expect(isRunning)
            try await channel.send("question")
            var packet = try await stream.read(timeout: .seconds(10))
            // The kernel also sends packets of IPv6.
            while packet[0] >> 4 != 4 { packet = try await stream.read(timeout: .seconds(10)) }
            // Swapping the addresses and the ports changes neither checksum.
            var reply = packet
            reply.replaceSubrange(12..<16, with: packet[16..<20])
            reply.replaceSubrange(16..<20, with: packet[12..<16])
            reply.replaceSubrange(20..<22, with: packet[22..<24])
            reply.replaceSubrange(22..<24, with: packet[20..<22])
            try await stream.write(reply)
            return try await channel.receive(timeout: .seconds(10)).text
        }
        #expect(answer == "question")
    }

    /// Returns the descriptor of a tunnel, whose packets have no header of their own.
    private static func openTunnel(_ name: String) throws -> FileDescriptor {
        let descriptor = try FileDescriptor.open(
            "/dev/net/tun", .readWrite, options: .closeOnExec)
        // `struct ifreq`: the name in 16 bytes, and the flags IFF_TUN and IFF_NO_PI.
        var request = Array(name.utf8) + [UInt8](repeating: 0, count: 40 - name.utf8.count)
        request.withUnsafeMutableBytes {
            $0.storeBytes(of: 0x1001, toByteOffset: 16, as: UInt16.self)
        }
        let result = ioctl(descriptor.rawValue, 0x4004_54CA /* TUNSETIFF */, &request)
        try #require(result == 0)
        return descriptor
    }

    @Test("a stream over a socket half-closes it")
    func socket() async throws {
        let (one, other) = try Socket.pair()
        let stream = try DescriptorStream(adopting: one.release())
        try await stream.write("x")
        try stream.shutdown(.write)
        #expect(try other.readAll(1) == [0x78])
        #expect(try other.receive().isEmpty)
        try other.send("y")
        #expect(try await stream.read() == [0x79])
    }

    // MARK: Refused descriptors

    @Test("a regular file is refused with a hint, and stays open")
    func regularFile() throws {
        let file = try FileDescriptor.open("/etc/passwd", .readOnly)
        defer { try? file.close() }
        let error = #expect(throws: SocketError.self) { try DescriptorStream(adopting: file) }
        #expect(error?.errno == .notPermitted)
        #expect(
            error?.hint == "A loop cannot wait for a file that is always ready. Use FileDescriptor."
        )
        #expect(try file.text(atMost: 4).utf8.count == 4)
        #expect(file.isBlocking)
    }

    @Test("a descriptor that is not open is refused with EBADF")
    func notOpen() throws {
        let error = #expect(throws: SocketError.self) {
            try DescriptorStream(adopting: FileDescriptor(rawValue: .max))
        }
        #expect(error?.errno == .badFileDescriptor)
    }

    @Test("a descriptor that was opened with O_PATH is refused with EBADF, and stays open")
    func pathOnly() throws {
        let path = try FileDescriptor.open("/", .readOnly, options: .init(rawValue: __O_PATH))
        let error = #expect(throws: SocketError.self) { try DescriptorStream(adopting: path) }
        #expect(error?.errno == .badFileDescriptor)
        try path.close()
    }
}

extension Int32 {
    /// Creates an integer from bytes in the order of this machine.
    fileprivate init(bytes: some Sequence<UInt8>) {
        var value: Int32 = 0
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: Array(bytes)) }
        self = value
    }
}
