import Glibc
import Testing

@testable import Sockets

@Suite("Connect calls", .ownThread)
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
        "acceptNext continues after an error that concerns only one client",
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
        "acceptNext throws an error of the listening socket without another attempt",
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

    @Test("a non-blocking accept without a client throws EAGAIN")
    func withoutAClient() throws {
        let (listener, _) = try RawSockets.listener()
        try System.setBlocking(listener.number, false)
        #expect(throws: Errno.wouldBlock) { try System.acceptNext(listener.number) }
    }

    // MARK: connect

    @Test("a non-blocking connect first throws EAGAIN, and then finishConnect succeeds")
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

    @Test("a refused non-blocking connect throws ECONNREFUSED from startConnect or finishConnect")
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

    @Test("finishConnect throws EAGAIN while a connect has no answer")
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

    @Test("an interrupted connect throws EAGAIN and stays in progress")
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

    @Test("finishConnect throws ECONNABORTED if other code has cleared SO_ERROR")
    func errorWasCleared() throws {
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

    @Test("a Unix connect that must not wait throws EAGAIN if the backlog is full")
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

    @Test("a Unix connect to a full backlog waits until the kernel's time limit")
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
            // The backlog accepts one client more than its number.
            try System.connectUnix(second.number, address, mayWait: true)
            let third = try RawSockets.make(.unix, .stream)
            try System.setTimeout(third.number, .send, microseconds: 40_000)
            try System.connectUnix(third.number, address, mayWait: true)
        }
        #expect(start.duration(to: .now) >= .milliseconds(30))
    }

    @Test("a Unix connect to an unused name throws ECONNREFUSED, with and without waiting")
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
