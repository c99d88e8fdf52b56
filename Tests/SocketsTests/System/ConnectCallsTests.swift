import Glibc
import Testing

@testable import Sockets

@Suite("Calls for accepting and connecting", .ownThread)
struct ConnectCallsTests {
    private func nonBlockingClient() throws -> Descriptor {
        let client = try RawSockets.make(.ipv4, .stream)
        try System.setBlocking(client.number, false)
        return client
    }

    private func start(_ socket: Descriptor, _ address: RawSocketAddress) throws {
        #expect(throws: Errno.wouldBlock) { try System.startConnect(socket.number, address) }
    }

    private func waitUntilWritable(_ socket: Descriptor) throws {
        var requests = [PollRequest(descriptor: socket.number, isForWriting: true)]
        try System.poll(&requests, milliseconds: 10_000)
        try #require(requests[0].isReady)
    }

    // MARK: accept

    @Test(
        "acceptNext skips the error of a client that has left",
        arguments: [
            ECONNABORTED, EPROTO, ENOPROTOOPT, ENETDOWN, EHOSTDOWN, ENONET, EHOSTUNREACH,
            ENETUNREACH,
        ])
    func clientErrorsAreSkipped(code: Int32) throws {
        let (listener, address) = try RawSockets.listener()
        let client = try RawSockets.make(.ipv4, .stream)
        try System.connect(client.number, address)
        let error = FaultInjection.Fault.error(Errno(rawValue: code))
        let accepted = try FaultInjection.during([.accept: [error, error, error]]) {
            try System.acceptNext(listener.number)
        }
        let server = Descriptor(accepted.descriptor)
        #expect(try accepted.peer.content == System.getsockname(client.number).content)
        #expect(server.isCloseOnExec)
        #expect(server.isBlocking)
    }

    @Test(
        "acceptNext reports an error of the listening socket",
        arguments: [
            Errno.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory,
            .interrupted, .invalidArgument, .notSupportedOnSocket, .notPermitted, .wouldBlock,
        ])
    func errorsOfTheListenerAreReported(code: Errno) throws {
        let (listener, _) = try RawSockets.listener()
        FaultInjection.during([.accept: [.error(code), .error(.ioError)]]) {
            #expect(throws: code) { try System.acceptNext(listener.number) }
            #expect(FaultInjection.current?.remaining(of: .accept) == 1)
        }
    }

    @Test("a nonblocking accept fails with EAGAIN without a client")
    func withoutAClient() throws {
        let (listener, _) = try RawSockets.listener()
        try System.setBlocking(listener.number, false)
        #expect(throws: Errno.wouldBlock) { try System.acceptNext(listener.number) }
    }

    // MARK: connect

    @Test("a nonblocking connect is in progress, then succeeds, and stays connected")
    func connectSucceeds() throws {
        let (listener, address) = try RawSockets.listener()
        let client = try nonBlockingClient()
        try start(client, address)
        try waitUntilWritable(client)
        try System.finishConnect(client.number, address)
        #expect(try System.getpeername(client.number).content == address.content)
        try System.finishConnect(client.number, address)
        #expect(throws: Errno.socketIsConnected) {
            try System.startConnect(client.number, address)
        }
        withExtendedLifetime(listener) {}
    }

    @Test("a refused connect fails at once or when it is finished")
    func connectIsRefused() throws {
        let (holder, refusingAddress) = try RawSockets.refusingAddress()
        let client = try nonBlockingClient()
        #expect(throws: Errno.connectionRefused) {
            try start(client, refusingAddress)
            try waitUntilWritable(client)
            try System.finishConnect(client.number, refusingAddress)
        }
        withExtendedLifetime(holder) {}
    }

    @Test("a connect without an answer stays in progress")
    func connectIsUnderWay() throws {
        // The backlog of one is full, so Linux drops further connects and the client waits.
        let (listener, address) = try RawSockets.listener(backlog: 0)
        let clients = try (0..<4).map { _ in try nonBlockingClient() }
        for client in clients {
            try start(client, address)
        }
        let last = clients[3]
        #expect(throws: Errno.wouldBlock) { try System.finishConnect(last.number, address) }
        #expect(throws: Errno.wouldBlock) { try System.finishConnect(last.number, address) }
        #expect(throws: Errno.socketNotConnected) { try System.getpeername(last.number) }
        withExtendedLifetime(listener) {}
    }

    @Test("an interrupted connect is in progress")
    func interruptedConnect() throws {
        let (listener, address) = try RawSockets.listener()
        let client = try nonBlockingClient()
        FaultInjection.during([.connect: [.error(.interrupted), .error(.interrupted)]]) {
            #expect(throws: Errno.wouldBlock) {
                try System.startConnect(client.number, address)
            }
            #expect(throws: Errno.wouldBlock) {
                try System.finishConnect(client.number, address)
            }
        }
        withExtendedLifetime(listener) {}
    }

    @Test("finishConnect fails if another reader has cleared SO_ERROR")
    func outcomeTakenAway() throws {
        let (holder, refusingAddress) = try RawSockets.refusingAddress()
        let client = try nonBlockingClient()
        try start(client, refusingAddress)
        try waitUntilWritable(client)
        #expect(try System.takeError(client.number) == .connectionRefused)
        #expect(throws: Errno.connectionAbort) {
            try System.finishConnect(client.number, refusingAddress)
        }
        withExtendedLifetime(holder) {}
    }

    // MARK: Unix

    private func abstract(_ name: String) -> RawSocketAddress {
        RawSocketAddress(.unix([0] + Array("sockets-\(name)-\(getpid())".utf8)))
    }

    @Test("a nonblocking Unix connect to a full backlog fails at once")
    func fullUnixQueue() throws {
        let listener = try RawSockets.make(.unix, .stream)
        let address = abstract("full-queue")
        try System.bind(listener.number, address)
        try System.listen(listener.number, 0)
        let clients = try (0..<3).map { _ in try RawSockets.make(.unix, .stream) }
        try System.connectUnix(clients[0].number, address, mayWait: false)
        #expect(throws: Errno.wouldBlock) {
            try System.connectUnix(clients[1].number, address, mayWait: false)
            try System.connectUnix(clients[2].number, address, mayWait: false)
        }
        // Other calls on the sockets wait as before.
        #expect(clients.allSatisfy { $0.isBlocking })
    }

    @Test("a blocking Unix connect to a full backlog waits until the kernel's time limit")
    func unixConnectWaits() throws {
        let listener = try RawSockets.make(.unix, .stream)
        let address = abstract("waiting")
        try System.bind(listener.number, address)
        try System.listen(listener.number, 0)
        let first = try RawSockets.make(.unix, .stream)
        try System.connectUnix(first.number, address, mayWait: true)
        let second = try RawSockets.make(.unix, .stream)
        try System.setTimeout(second.number, .send, microseconds: 40_000)
        let start = ContinuousClock.now
        #expect(throws: Errno.wouldBlock) {
            // The backlog accepts one more than its number.
            try System.connectUnix(second.number, address, mayWait: true)
            let third = try RawSockets.make(.unix, .stream)
            try System.setTimeout(third.number, .send, microseconds: 40_000)
            try System.connectUnix(third.number, address, mayWait: true)
        }
        #expect(start.duration(to: .now) >= .milliseconds(30))
    }

    @Test("a Unix connect to an unused name is refused, blocking and nonblocking")
    func unixUnusedName() throws {
        for mayWait in [true, false] {
            let socket = try RawSockets.make(.unix, .stream)
            #expect(throws: Errno.connectionRefused) {
                try System.connectUnix(socket.number, abstract("unused"), mayWait: mayWait)
            }
            #expect(socket.isBlocking)
        }
    }
}
