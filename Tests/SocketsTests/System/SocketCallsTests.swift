import Glibc
import Testing

@testable import Sockets

@Suite("Socket calls", .ownThread)
struct SocketCallsTests {
    @Test(
        "a new socket is blocking and close-on-exec",
        arguments: [
            (AddressFamily.ipv4, SocketType.stream), (.ipv4, .datagram), (.ipv6, .stream),
            (.ipv6, .datagram), (.unix, .stream), (.unix, .datagram), (.unix, .sequencedPacket),
        ])
    func socketIsCloseOnExec(family: AddressFamily, type: SocketType) throws {
        let socket = try RawSockets.make(family, type)
        #expect(socket.isCloseOnExec)
        #expect(socket.isBlocking)
        let identity = try System.identity(of: socket.number)
        #expect(identity.family == family)
        #expect(identity.type == type)
    }

    @Test(
        "both sockets of a pair are close-on-exec",
        arguments: [SocketType.stream, .datagram, .sequencedPacket])
    func pairIsCloseOnExec(type: SocketType) throws {
        let (one, other) = try RawSockets.pair(type)
        #expect(one.isCloseOnExec && other.isCloseOnExec)
        #expect(one.number != other.number)
        #expect(try System.identity(of: other.number).type == type)
        _ = try System.send(one.number, "x")
        #expect(try System.recv(other.number, atMost: 8) == "x")
    }

    @Test("accepted and duplicated sockets are close-on-exec")
    func acceptedAndDuplicateAreCloseOnExec() throws {
        let (client, server) = try RawSockets.connection()
        #expect(server.isCloseOnExec && server.isBlocking)
        let copy = Descriptor(try System.duplicate(client.number))
        #expect(copy.isCloseOnExec)
        #expect(copy.number != client.number)
        _ = try System.send(copy.number, "x")
        #expect(try System.recv(server.number, atMost: 8) == "x")
    }

    @Test("accept returns the same client address as getpeername")
    func acceptReturnsThePeer() throws {
        let (listener, address) = try RawSockets.listener()
        let client = try RawSockets.make(.ipv4, .stream)
        try System.connect(client.number, address)
        let accepted = try System.accept(listener.number)
        let server = Descriptor(accepted.descriptor)
        let own = try System.getsockname(client.number).content
        #expect(accepted.peer.content == own)
        #expect(try System.getpeername(server.number).content == own)
        #expect(try System.getpeername(client.number).content == address.content)
    }

    @Test("binding to port 0 assigns a port")
    func bindChoosesThePort() throws {
        let socket = try RawSockets.bound(.datagram)
        guard case .ipv4(let bits, let port) = try System.getsockname(socket.number).content else {
            Issue.record("not an IPv4 address")
            return
        }
        #expect(bits == RawSockets.loopback)
        #expect(port != 0)
    }

    @Test("bind, connect, accept and shutdown throw the kernel's error")
    func ordinaryFailures() throws {
        let (listener, address) = try RawSockets.listener()
        let other = try RawSockets.make(.ipv4, .stream)
        #expect(throws: Errno.addressInUse) { try System.bind(other.number, address) }
        #expect(throws: Errno.socketNotConnected) { try System.getpeername(other.number) }
        #expect(throws: Errno.socketNotConnected) { try System.shutdown(other.number, .both) }
        #expect(throws: Errno.invalidArgument) { try System.accept(other.number) }
        let (holder, refusingAddress) = try RawSockets.refusingAddress()
        #expect(throws: Errno.connectionRefused) {
            try System.connect(other.number, refusingAddress)
        }
        withExtendedLifetime((listener, holder)) {}
    }

    @Test(
        "accept and connect throw EINTR without another attempt",
        arguments: [SystemCall.accept, .connect])
    func interruptionsAreReported(call: SystemCall) throws {
        let (listener, address) = try RawSockets.listener()
        let client = try RawSockets.make(.ipv4, .stream)
        FaultInjection.during([call: [.error(.interrupted), .error(.noMemory)]]) {
            #expect(throws: Errno.interrupted) {
                if call == .accept { _ = try System.accept(listener.number) }
                if call == .connect { try System.connect(client.number, address) }
            }
            #expect(FaultInjection.current?.remaining(of: call) == 1)
        }
    }

    @Test("an interrupted close is not repeated")
    func closeIsNotRepeated() throws {
        let (one, other) = try RawSockets.pair()
        FaultInjection.during([.close: [.error(.interrupted), .error(.ioError)]]) {
            System.close(one.number)
            #expect(FaultInjection.current?.remaining(of: .close) == 1)
        }
        // The call did not reach the kernel, so the descriptor is still open.
        _ = try System.send(other.number, "x")
        #expect(try System.recv(one.number, atMost: 1) == "x")
    }

    @Test("close ends the stream of the peer")
    func closeReleases() throws {
        let (one, other) = try System.socketpair(.stream)
        let reader = Descriptor(other)
        System.close(one)
        #expect(try System.recv(reader.number, atMost: 1) == "")
    }

    @Test("shutdown ends only the given directions")
    func shutdownHalves() throws {
        let (one, other) = try RawSockets.pair()
        try System.shutdown(one.number, .write)
        #expect(try System.recv(other.number, atMost: 1) == "")
        _ = try System.send(other.number, "x")
        #expect(try System.recv(one.number, atMost: 1) == "x")
        try System.shutdown(one.number, .read)
        #expect(throws: Errno.brokenPipe) { try System.send(other.number, "y") }

        let (both, peer) = try RawSockets.pair()
        try System.shutdown(both.number, .both)
        #expect(try System.recv(peer.number, atMost: 1) == "")
        #expect(throws: Errno.brokenPipe) { try System.send(both.number, "z") }
    }

    @Test("setBlocking changes the blocking mode and keeps other flags")
    func blockingMode() throws {
        let (one, _) = try RawSockets.pair()
        _ = fcntl(one.number, F_SETFL, fcntl(one.number, F_GETFL) | O_ASYNC)
        for blocking in [false, false, true, true, false] {
            try System.setBlocking(one.number, blocking)
            #expect(one.isBlocking == blocking)
            #expect(fcntl(one.number, F_GETFL) & O_ASYNC != 0)
        }
    }

    @Test("setCloseOnExec sets the flag on a duplicated descriptor")
    func closeOnExecOfAForeigner() throws {
        let (one, _) = try RawSockets.pair()
        let foreign = Descriptor(dup(one.number))
        #expect(!foreign.isCloseOnExec)
        try System.setCloseOnExec(foreign.number)
        #expect(foreign.isCloseOnExec)
    }
}
