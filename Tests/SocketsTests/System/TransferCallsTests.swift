import Glibc
import Testing

@testable import Sockets

@Suite("Transfer calls", .ownThread)
struct TransferCallsTests {
    /// Sends several parts and returns the number of sent bytes.
    private func send(
        _ parts: [String], from descriptor: Int32, skipping skipped: Int = 0,
        atMost most: Int = .max
    ) throws -> Int {
        try System.sendmsg(
            descriptor, parts.map { Array($0.utf8) }[...], skipping: skipped, atMost: most, [])
    }

    private func receiveFrom(
        _ descriptor: Int32, atMost count: Int, _ flags: TransferFlags
    ) throws -> (text: String, count: Int, sender: RawSocketAddress.Content) {
        var bytes = [UInt8](repeating: 0x2D, count: count)
        let (received, sender) = try bytes.withUnsafeMutableBytes {
            try System.recvfrom(descriptor, $0, flags)
        }
        let text = String(decoding: bytes.prefix(received), as: UTF8.self)
        return (text, received, sender.content)
    }

    // MARK: One peer

    @Test("recv returns 0 at the end of a stream")
    func endOfStream() throws {
        let (one, other) = try RawSockets.pair()
        try System.shutdown(other.number, .write)
        #expect(try System.recv(one.number, atMost: 10) == "")
    }

    @Test("a call with dontWait throws EAGAIN on a blocking descriptor")
    func dontWait() throws {
        let (one, other) = try RawSockets.pair()
        #expect(one.isBlocking)
        #expect(throws: Errno.wouldBlock) { try System.recv(one.number, atMost: 1, .dontWait) }
        #expect(throws: Errno.wouldBlock) { try RawSockets.fill(one) }
        withExtendedLifetime(other) {}
    }

    @Test("send, sendmsg and sendfile throw EAGAIN if the connect is in progress")
    func connectInProgress() throws {
        let (one, other) = try RawSockets.pair()
        let file = Descriptor(open("/proc/self/status", O_RDONLY))
        let calls: [(SystemCall, () throws -> Int)] = [
            (.send, { try System.send(one.number, "x") }),
            (.sendmsg, { try send(["x", "y"], from: one.number) }),
            (
                .sendfile,
                { try System.sendfile(one.number, from: file.number, offset: 0, count: 1) }
            ),
        ]
        for (call, body) in calls {
            #expect(throws: Errno.wouldBlock) {
                try FaultInjection.during([call: [.error(.nowInProgress)]], body)
            }
        }
        withExtendedLifetime(other) {}
    }

    @Test("peek leaves the bytes in the receive queue")
    func peek() throws {
        let (one, other) = try RawSockets.pair()
        _ = try System.send(other.number, "abc")
        #expect(try System.recv(one.number, atMost: 2, .peek) == "ab")
        #expect(try System.recv(one.number, atMost: 3, [.peek, .dontWait]) == "abc")
        #expect(try System.recv(one.number, atMost: 3) == "abc")
    }

    @Test("send, sendmsg and sendto to a closed peer throw EPIPE without SIGPIPE")
    func brokenPipe() async throws {
        // Run in a separate process, because the test runner may ignore SIGPIPE.
        await #expect(processExitsWith: .exitCode(7)) {
            signal(SIGPIPE, SIG_DFL)
            let errors = [
                Self.error(ofSendingWith: { one, bytes in _ = try System.send(one, bytes, []) }),
                Self.error(ofSendingWith: { one, bytes in
                    _ = try System.sendmsg(one, [Array(bytes), [1]], skipping: 0, atMost: .max, [])
                }),
                // TCP ignores the address, and a socket that was never connected fails with EPIPE.
                Self.error(ofSendingWith: { _, bytes in
                    let tcp = try System.socket(.ipv4, .stream)
                    _ = try System.sendto(tcp, bytes, [], RawSocketAddress(.ipv4(bits: 1, port: 1)))
                }),
            ]
            exit(errors == [.brokenPipe, .brokenPipe, .brokenPipe] ? 7 : 8)
        }
    }

    /// Returns the error of sending to a socket whose peer is closed.
    private static func error(
        ofSendingWith send: (Int32, UnsafeRawBufferPointer) throws -> Void
    ) -> Errno? {
        do {
            let (one, other) = try System.socketpair(.stream)
            System.close(other)
            defer { System.close(one) }
            try [1, 2, 3].withUnsafeBytes { try send(one, $0) }
            return nil
        } catch {
            return error as? Errno
        }
    }

    @Test("an injected short transfer shortens send and recv, and the next recv returns the rest")
    func shortTransfers() throws {
        let (one, other) = try RawSockets.pair()
        try FaultInjection.during([.send: [.short(2)], .recv: [.short(1)]]) {
            let sent = try System.send(other.number, "abcd")
            #expect(sent == 2)
            let first = try System.recv(one.number, atMost: 10, .dontWait)
            let second = try System.recv(one.number, atMost: 10, .dontWait)
            #expect([first, second] == ["a", "b"])
        }
    }

    // MARK: Datagrams

    @Test("recvfrom returns the sender and the full length of a datagram that does not fit")
    func datagramThatDoesNotFit() throws {
        let one = try RawSockets.bound(.datagram)
        let other = try RawSockets.bound(.datagram)
        let target = try System.getsockname(one.number)
        let bytes = Array("0123456789".utf8)
        for _ in 0..<2 {
            let sent = try bytes.withUnsafeBytes {
                try System.sendto(other.number, $0, [], target)
            }
            #expect(sent == 10)
        }
        let cut = try receiveFrom(one.number, atMost: 4, .fullLength)
        #expect(cut.text == "0123")
        #expect(cut.count == 10)
        #expect(try cut.sender == System.getsockname(other.number).content)
        let whole = try receiveFrom(one.number, atMost: 64, .fullLength)
        #expect(whole.text == "0123456789")
        #expect(whole.count == 10)
    }

    @Test("recvfrom returns an empty datagram and an unnamed Unix sender")
    func emptyDatagram() throws {
        let (one, other) = try RawSockets.pair(.datagram)
        #expect(try System.send(other.number, "") == 0)
        _ = try System.send(other.number, "next")
        let empty = try receiveFrom(one.number, atMost: 10, .fullLength)
        #expect(empty.count == 0)
        #expect(empty.sender == .unnamed)
        #expect(try receiveFrom(one.number, atMost: 10, .fullLength).text == "next")
    }

    @Test("recvfrom on a TCP stream returns the bytes and no sender")
    func recvfromOnAStream() throws {
        let (client, server) = try RawSockets.connection()
        _ = try System.send(client.number, "abcdef")
        let part = try receiveFrom(server.number, atMost: 4, [])
        #expect(part.text == "abcd")
        #expect(part.count == 4)
        #expect(part.sender == .unnamed)
        #expect(try System.recv(server.number, atMost: 4) == "ef")
    }

    @Test("interrupted recvfrom and sendto throw EINTR")
    func datagramInterruptions() throws {
        let (one, _) = try RawSockets.pair(.datagram)
        FaultInjection.during([
            .recvfrom: [.error(.interrupted)], .sendto: [.error(.interrupted)],
        ]) {
            #expect(throws: Errno.interrupted) { try receiveFrom(one.number, atMost: 1, []) }
            #expect(throws: Errno.interrupted) {
                let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
                _ = try System.sendto(one.number, nothing, [], RawSocketAddress(.unnamed))
            }
        }
    }

    // MARK: Several parts

    @Test(
        "sendmsg sends the parts in order as one sequence of bytes",
        arguments: [
            (["ab", "cd", "ef"], 0, "abcdef"), (["ab", "cd"], 1, "bcd"), (["ab"], 1, "b"),
            (["", "ab", "", "", "cd", ""], 0, "abcd"), (["abc", "", "d"], 2, "cd"),
        ])
    func pieces(parts: [String], skipped: Int, expected: String) throws {
        let (one, other) = try RawSockets.pair()
        #expect(try send(parts, from: one.number, skipping: skipped) == expected.utf8.count)
        #expect(try System.recv(other.number, atMost: 100) == expected)
    }

    @Test("sendmsg sends all parts as one datagram, and an empty list as an empty datagram")
    func piecesOfADatagram() throws {
        let (one, other) = try RawSockets.pair(.datagram)
        #expect(try send(["ab", "cd"], from: one.number) == 4)
        #expect(try send([], from: one.number) == 0)
        #expect(try send(["", ""], from: one.number) == 0)
        #expect(try send(["z"], from: one.number) == 1)
        let received = try (0..<4).map { _ in try System.recv(other.number, atMost: 10) }
        #expect(received == ["abcd", "", "", "z"])
    }

    @Test("sendmsg sends at most 64 parts and does not count empty parts")
    func vectorLimit() throws {
        let (one, other) = try RawSockets.pair()
        let parts = (0..<100).flatMap { _ in ["a", ""] }
        #expect(try send(parts, from: one.number) == 64)
        #expect(try System.recv(other.number, atMost: 200) == String(repeating: "a", count: 64))
    }

    @Test("sendmsg sends only the first atMost bytes of the parts", arguments: 0...7)
    func limitedParts(most: Int) throws {
        let (one, other) = try RawSockets.pair()
        let expected = String("abcdef".prefix(most))
        let sent = try send(["xab", "c", "def"], from: one.number, skipping: 1, atMost: most)
        #expect(sent == expected.count)
        _ = try System.send(one.number, "!")
        #expect(try System.recv(other.number, atMost: 100) == expected + "!")
    }

    @Test("an injected short transfer cuts the parts of sendmsg at any position", arguments: 0...7)
    func shortParts(most: Int) throws {
        let (one, other) = try RawSockets.pair()
        let expected = String("abcdef".prefix(most))
        let sent = try FaultInjection.during([.sendmsg: [.short(most)]]) {
            try send(["xab", "c", "def"], from: one.number, skipping: 1)
        }
        #expect(sent == expected.count)
        _ = try System.send(one.number, "!")
        #expect(try System.recv(other.number, atMost: 100) == expected + "!")
    }

    @Test("sendmsg throws the error of an interrupted or failed call")
    func failedParts() throws {
        let (one, _) = try RawSockets.pair()
        FaultInjection.during([.sendmsg: [.error(.interrupted), .error(.noMemory)]]) {
            #expect(throws: Errno.interrupted) { try send(["a"], from: one.number) }
            #expect(throws: Errno.noMemory) { try send(["a"], from: one.number) }
        }
    }

    // MARK: poll

    @Test("poll marks exactly the ready descriptors as ready")
    func pollFindsReadiness() throws {
        let (one, other) = try RawSockets.pair()
        var requests = [
            PollRequest(descriptor: one.number, isForWriting: false),
            PollRequest(descriptor: one.number, isForWriting: true),
        ]
        try System.poll(&requests, milliseconds: -1)
        #expect(requests.map(\.isReady) == [false, true])
        _ = try System.send(other.number, "x")
        try System.poll(&requests, milliseconds: -1)
        #expect(requests.map(\.isReady) == [true, true])
    }

    @Test("poll for writing to a full socket times out and marks the request as not ready")
    func pollTimesOut() throws {
        let (one, other) = try RawSockets.pair()
        #expect(throws: Errno.wouldBlock) { try RawSockets.fill(one) }
        var requests = [PollRequest(descriptor: one.number, isForWriting: true, isReady: true)]
        let start = ContinuousClock.now
        try System.poll(&requests, milliseconds: 20)
        #expect(start.duration(to: .now) >= .milliseconds(20))
        #expect(!requests[0].isReady)
        withExtendedLifetime(other) {}
    }

    @Test("poll marks a descriptor with a hang-up or an error as ready")
    func pollSeesHangUp() throws {
        let (one, other) = try System.socketpair(.stream)
        let survivor = Descriptor(one)
        System.close(other)
        var requests = [PollRequest(descriptor: survivor.number, isForWriting: false)]
        try System.poll(&requests, milliseconds: -1)
        #expect(requests[0].isReady)

        let (holder, refusingAddress) = try RawSockets.refusingAddress()
        let client = try RawSockets.make(.ipv4, .stream)
        try System.setBlocking(client.number, false)
        #expect(throws: (any Error).self) { try System.connect(client.number, refusingAddress) }
        requests = [PollRequest(descriptor: client.number, isForWriting: true)]
        try System.poll(&requests, milliseconds: -1)
        #expect(requests[0].isReady)
        withExtendedLifetime(holder) {}
    }

    @Test("an interrupted poll marks no descriptor as ready")
    func interruptedPoll() throws {
        let (one, _) = try RawSockets.pair()
        var requests = [PollRequest(descriptor: one.number, isForWriting: true, isReady: true)]
        try FaultInjection.during([.poll: [.error(.interrupted)]]) {
            try System.poll(&requests, milliseconds: -1)
        }
        #expect(!requests[0].isReady)
        try System.poll(&requests, milliseconds: -1)
        #expect(requests[0].isReady)
    }

    @Test("poll throws every error except EINTR")
    func failedPoll() {
        var noRequests: [PollRequest] = []
        FaultInjection.during([.poll: [.error(.noMemory)]]) { () -> Void in
            #expect(throws: Errno.noMemory) { try System.poll(&noRequests, milliseconds: 0) }
        }
    }
}
