import Glibc
import Testing

@testable import Sockets

@Suite("systemCall", .ownThread)
struct SystemCallTests {
    /// A descriptor number that this process never opens.
    static let invalidDescriptor: Int32 = 1_000_000

    @Test("a call that cannot time out is repeated after EINTR", arguments: [1, 2, 100])
    func interruptedCallIsRepeated(times: Int) throws {
        let script = [FaultInjection.Fault](repeating: .error(.interrupted), count: times)
        try FaultInjection.during([.socket: script]) {
            let socket = try RawSockets.make(.ipv4, .stream)
            #expect(socket.number >= 0)
            #expect(FaultInjection.current?.remaining(of: .socket) == 0)
        }
    }

    @Test("a transfer call throws EINTR and is not repeated")
    func interruptionIsReported() throws {
        let (one, other) = try RawSockets.pair()
        _ = try System.send(other.number, "x")
        FaultInjection.during([.recv: [.error(.interrupted)], .send: [.error(.interrupted)]]) {
            #expect(throws: Errno.interrupted) { try System.recv(one.number, atMost: 1) }
            #expect(throws: Errno.interrupted) { try System.send(one.number, "y") }
        }
        #expect(try System.recv(one.number, atMost: 1) == "x")
    }

    @Test("a failed call throws the errno of the kernel")
    func failureThrowsItsNumber() throws {
        let socket = try RawSockets.make(.ipv4, .datagram)
        #expect(throws: Errno.notSupportedOnSocket) { try System.listen(socket.number, 1) }
        #expect(throws: Errno.socketTypeNotSupported) {
            try System.socket(.ipv4, .sequencedPacket)
        }
    }

    @Test("systemCall returns any result other than −1, regardless of errno")
    func successIgnoresErrno() throws {
        errno = EPIPE
        #expect(try systemCall(.socket) { Int32(0) } == 0)
        #expect(try systemCall(.recv) { -2 } == -2)
    }

    @Test("EFAULT ends the program with a message that names the call")
    func badAddressTraps() async throws {
        let result = try #require(
            await #expect(
                processExitsWith: .failure, observing: [\.standardErrorContent]
            ) {
                FaultInjection.during([.bind: [.error(.badAddress)]]) {
                    try? System.bind(0, RawSocketAddress(.unnamed))
                }
            })
        let words = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(words.contains("bind(2) failed with Bad address: a bug in Sockets"))
    }

    @Test("EBADF on a descriptor that the library owns ends the program")
    func ownBadDescriptorTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = try? System.recv(1_000_000, UnsafeMutableRawBufferPointer(start: nil, count: 0), [])
        }
    }

    @Test("closing a descriptor twice ends the program")
    func closingTwiceTraps() async {
        await #expect(processExitsWith: .failure) {
            guard let number = try? System.socket(.unix, .stream) else { return }
            System.close(number)
            System.close(number)
        }
    }

    @Test("EBADF on a descriptor that the user passed is thrown")
    func foreignBadDescriptorThrows() {
        let invalidDescriptor = Self.invalidDescriptor
        #expect(throws: Errno.badFileDescriptor) { try System.identity(of: invalidDescriptor) }
        #expect(throws: Errno.badFileDescriptor) { try System.isListening(invalidDescriptor) }
        #expect(throws: Errno.badFileDescriptor) { try System.setCloseOnExec(invalidDescriptor) }
        #expect(throws: Errno.badFileDescriptor) { try System.setBlocking(invalidDescriptor, true) }
        #expect(throws: Errno.badFileDescriptor) {
            try System.getsockname(invalidDescriptor, fromUser: true)
        }
    }

    @Test("an injected short transfer moves at most the given number of bytes")
    func transferIsShortened() throws {
        try FaultInjection.during([.send: [.short(3), .short(0), .short(99), .pass]]) {
            let counts = try (0..<5).map { _ in
                try transferCall(.send, 10, onInterrupt: .report) { $0 }
            }
            #expect(counts == [3, 0, 10, 10, 10])
        }
    }
}
