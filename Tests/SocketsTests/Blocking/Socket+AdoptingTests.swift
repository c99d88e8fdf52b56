import Glibc
import Testing

@testable import Sockets

@Suite("Socket: adopt, release, duplicate", .ownThread)
struct SocketAdoptingTests {
    @Test("adopting a released descriptor keeps the addresses and the connection")
    func releaseAndAdopt() throws {
        let (client, server) = try Loopback.tcpPair()
        let descriptor = try client.release()
        #expect(client.isClosed)
        let adopted = try Socket(adopting: descriptor)
        #expect(adopted.family == .ipv4)
        #expect(adopted.type == .stream)
        #expect(adopted.localAddress == server.remoteAddress)
        #expect(adopted.remoteAddress == server.localAddress)
        try adopted.sendAll("still connected")
        #expect(try server.receive() == Array("still connected".utf8))
    }

    @Test("receive waits on an adopted socket that was non-blocking and had a kernel time limit")
    func adoptingForcesTheMode() throws {
        let (one, other) = try Socket.pair()
        let descriptor = try one.release()
        _ = fcntl(descriptor.rawValue, F_SETFL, O_NONBLOCK)
        // struct timeval { long tv_sec; long tv_usec; }
        var limit = [0, 1000]
        setsockopt(descriptor.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, 16)
        let adopted = try Socket(adopting: descriptor)
        let background = Background { try adopted.receive() }
        try waitUntilAThreadWaits(on: adopted)
        try other.send("x")
        #expect(try background.value() == [0x78])
        #expect(fcntl(adopted.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test("an adopted listening socket accepts clients and times out")
    func adoptListener() throws {
        let original = try Socket(on: .tcp("127.0.0.1", port: 0))
        let listener = try Socket(adopting: try original.release())
        let error = #expect(throws: SocketError.self) {
            try listener.accept(timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        let client = try Socket(to: listener.localAddress)
        #expect(try listener.accept(timeout: .seconds(5)).remoteAddress == client.localAddress)
    }

    @Test("a released descriptor is blocking and has no kernel time limit")
    func releaseRestores() throws {
        let (one, other) = try Socket.pair()
        _ = #expect(throws: SocketError.self) { try one.receive(timeout: .milliseconds(5)) }
        let descriptor = try one.release()
        defer { try? descriptor.close() }
        var limit = [-1, -1]
        var length: socklen_t = 16
        getsockopt(descriptor.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, &length)
        #expect(limit == [0, 0])
        #expect(fcntl(descriptor.rawValue, F_GETFL) & O_NONBLOCK == 0)
        withExtendedLifetime(other) {}
    }

    @Test("adopting a closed descriptor or a file throws and leaves the file open")
    func badDescriptors() throws {
        let bad = #expect(throws: SocketError.self) {
            try Socket(adopting: FileDescriptor(rawValue: 1_000_000))
        }
        #expect(bad?.description == "cannot adopt descriptor 1000000: bad file descriptor")
        let null = try FileDescriptor.open("/dev/null", .readOnly)
        let file = #expect(throws: SocketError.self) { try Socket(adopting: null) }
        #expect(file?.errno == .notSocket)
        // The test still owns the descriptor, so closing it succeeds.
        try null.close()
    }

    @Test("release throws EBUSY while another call is in progress")
    func releaseWhileBusy() throws {
        let (one, other) = try Socket.pair()
        let background = Background { try one.receive() }
        try waitUntilAThreadWaits(on: one)
        let error = #expect(throws: SocketError.self) { try one.release() }
        #expect(error?.errno == .resourceBusy)
        try other.send("x")
        #expect(try background.value() == [0x78])
    }

    @Test("a release that throws EBUSY does not change the blocking mode")
    func modeWhileBusy() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let shared = Descriptor(dup(listener.descriptor))
        let background = Background { try listener.accept() }
        try waitUntilAThreadWaits(on: listener)
        _ = #expect(throws: SocketError.self) { try listener.release() }
        #expect(!shared.isBlocking)
        let client = try Socket(to: listener.localAddress)
        #expect(try background.value().remoteAddress == client.localAddress)
        try listener.release().close()
        #expect(shared.isBlocking)
    }

    @Test("releasing a duplicate of a listening socket keeps O_NONBLOCK for the original")
    func releaseOfADuplicate() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let released = Descriptor(try listener.duplicate().release().rawValue)
        #expect(!released.isBlocking)
        let other = Descriptor(try listener.release().rawValue)
        #expect(!other.isBlocking)
    }

    @Test("accept keeps its timeout after other code cleared O_NONBLOCK", arguments: [true, false])
    func clearedMode(isAdopted: Bool) throws {
        let original = try Socket(on: .tcp("127.0.0.1", port: 0))
        let copy: Descriptor
        let listener: Socket
        if isAdopted {
            copy = Descriptor(dup(original.descriptor))
            listener = try Socket(adopting: try original.release())
        } else {
            copy = try original.withFileDescriptor { Descriptor(dup($0.rawValue)) }
            listener = original
        }
        _ = fcntl(copy.number, F_SETFL, 0)
        let accepting = Background { try listener.accept(timeout: .milliseconds(20)) }
        let error = #expect(throws: SocketError.self) { try accepting.value() }
        #expect(error?.isTimeout == true)
    }

    @Test("a duplicate keeps the connection open and has its own time limits")
    func duplicate() throws {
        let (one, other) = try Socket.pair()
        let copy = try one.duplicate()
        let patient = Background { try copy.receive(atMost: 1) }
        try waitUntilAThreadWaits(on: copy)
        let error = #expect(throws: SocketError.self) {
            try one.receive(timeout: .milliseconds(30))
        }
        #expect(error?.isTimeout == true)
        try other.send("x")
        #expect(try patient.value() == [0x78])
        // The limit of the original does not apply to the copy.
        let start = ContinuousClock.now
        _ = #expect(throws: SocketError.self) { try copy.receive(timeout: .milliseconds(60)) }
        #expect(start.duration(to: .now) >= .milliseconds(60))
        one.close()
        try copy.send("alive")
        #expect(try other.receive() == Array("alive".utf8))
        copy.close()
        #expect(try other.receive().isEmpty)
    }
}
