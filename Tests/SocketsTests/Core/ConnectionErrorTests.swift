import SystemPackage
import Testing

@testable import Sockets

/// Verifies that a reset is never taken for the end of the stream, whichever call met it first.
@Suite("ConnectionError", .ownThread)
struct ConnectionErrorTests {
    private static let size = 50_000

    /// Returns a TCP socket whose peer has sent bytes and then reset the connection.
    private func broken(_ bytes: [UInt8] = pattern(size)) throws -> Socket {
        let (here, there) = try Loopback.tcpPair()
        try there.sendAll(bytes)
        try there.setOption(.linger, to: .zero)
        there.close()
        awaitHangUp(of: here)
        return here
    }

    /// Returns a TCP socket whose peer has sent bytes, ended the stream and then sent a reset.
    private func ended(_ bytes: [UInt8] = pattern(size)) throws -> Socket {
        let (here, there) = try Loopback.tcpPair()
        try there.sendAll(bytes)
        try there.shutdown(.write)
        try there.setOption(.linger, to: .zero)
        there.close()
        awaitHangUp(of: here)
        return here
    }

    private func awaitHangUp(of socket: Socket) {
        while System.condition(socket.descriptor)?.contains(.hungUp) != true {}
    }

    // MARK: Calls

    private typealias Call = @Sendable (Socket) throws -> Void

    /// Calls that take a pending error from the kernel.
    private static let takers: [Call] = [
        { try $0.send("x") },
        { try $0.sendAll("x") },
        { try $0.send(parts: [[1], [2]]) },
        { try $0.sendAll(parts: [[1], [2]], timeout: .seconds(1)) },
        {
            if let error = try $0.option(.error) { throw SocketError(.getOption, .system(error)) }
        },
        {
            let code = try $0.option(SocketOption<Int32>.raw(level: 1, name: 4))
            if code != 0 { throw SocketError(.getOption, .system(Errno(rawValue: code))) }
        },
        {
            let bytes = try $0.option(SocketOption<[UInt8]>.raw(level: 1, name: 4))
            if let code = bytes.first, code != 0 {
                throw SocketError(.getOption, .system(Errno(rawValue: Int32(code))))
            }
        },
    ]

    private typealias Receive = @Sendable (Socket) throws -> Int

    private static let receives: [Receive] = [
        { try $0.receive().count },
        { try $0.receive(atMost: 1_000, timeout: .seconds(5)).count },
        { socket in
            var bytes: [UInt8] = []
            return try socket.receive(appendingTo: &bytes)
        },
        { socket in
            var storage = [UInt8](repeating: 0, count: 4_096)
            var span = storage.mutableSpan
            var bytes = span.mutableBytes
            return try socket.receive(into: &bytes)
        },
        { try $0.receiveFrom().bytes.count },
        { socket in
            guard try !socket.peek().isEmpty else { return 0 }
            return try socket.receive().count
        },
    ]

    private typealias Read = @Sendable (Connection) async throws -> Int

    private static let reads: [Read] = [
        { try await $0.read().count },
        { try await $0.read(atMost: 1_000, timeout: .seconds(5)).count },
        { connection in
            var bytes: [UInt8] = []
            return try await connection.read(appendingTo: &bytes)
        },
        { connection in
            var storage = [UInt8](repeating: 0, count: 4_096)
            var span = storage.mutableSpan
            var bytes = span.mutableBytes
            return try await connection.read(into: &bytes)
        },
        { try await $0.withReceived { $0.byteCount } ?? 0 },
        { try await $0.readExactly(10_000).count },
    ]

    /// Calls `read` until it fails or returns 0.
    private func drain(_ read: () async throws -> Int) async -> (count: Int, error: Errno?) {
        var count = 0
        do {
            while case let more = try await read(), more > 0 { count += more }
            return (count, nil)
        } catch {
            return (count, (error as? SocketError)?.errno)
        }
    }

    // MARK: Tests

    @Test("a socket whose write failed with a reset receives the bytes, then connectionReset")
    func socket() async throws {
        for receive in Self.receives {
            for take in Self.takers {
                let socket = try broken()
                let first = #expect(throws: SocketError.self) { try take(socket) }
                #expect(first?.errno == .connectionReset)
                for expected in [Self.size, 0, 0] {
                    let (count, error) = await drain { try receive(socket) }
                    #expect(count == expected)
                    #expect(error == .connectionReset)
                }
            }
        }
    }

    /// Returns a TCP connection whose peer has sent bytes and then reset it.
    private func brokenConnection(
        _ bytes: [UInt8] = pattern(size), afterEnd: Bool = false
    ) throws -> Connection {
        let (here, there) = try Loopback.tcpPair()
        let connection = try Connection(adopting: here)
        try there.sendAll(bytes)
        if afterEnd { try there.shutdown(.write) }
        try there.setOption(.linger, to: .zero)
        there.close()
        while System.condition(connection.source.descriptor)?.contains(.hungUp) != true {}
        return connection
    }

    @Test("a connection whose write failed with a reset reads the bytes, then connectionReset")
    func connection() async throws {
        let writes: [@Sendable (Connection) async throws -> Void] = [
            { try await $0.write("x") },
            { try await $0.write(parts: [[1], [2]], timeout: .seconds(1)) },
            { connection in
                let file = try FileDescriptor.open("/proc/self/exe", .readOnly)
                defer { try? file.close() }
                try await connection.sendFile(file, count: 10)
            },
            { connection in
                if let error = try connection.option(.error) {
                    throw SocketError(.getOption, .system(error))
                }
            },
            { connection in
                let (origin, feeder) = try Connection.pair()
                try await feeder.write("x")
                try await origin.copy(to: connection)
            },
        ]
        for read in Self.reads {
            for write in writes {
                let connection = try brokenConnection()
                let first = await #expect(throws: SocketError.self) { try await write(connection) }
                #expect(first?.errno == .connectionReset)
                for expected in [Self.size, 0, 0] {
                    let (count, error) = await drain { try await read(connection) }
                    #expect(count == expected)
                    #expect(error == .connectionReset)
                }
            }
        }
    }

    @Test("calls that need more bytes report the reset, and keep the received bytes readable")
    func wholeReads() async throws {
        let bytes = Array("one\ntwo".utf8)
        let reads: [@Sendable (Connection) async throws -> Void] = [
            { _ = try await $0.readToEnd() },
            { _ = try await $0.readExactly(8) },
            { _ = try await $0.readUntil(0x3B) },
            { connection in while try await connection.readLine() != nil {} },
            { connection in while try await connection.withLine({ $0.byteCount }) != nil {} },
            { connection in for try await _ in connection.lines {} },
            { connection in for try await _ in connection.byteLines {} },
            { _ = try await $0.exchange("", reading: .until(0x3B)) },
            { _ = try await $0.exchange("", reading: .toEnd()) },
        ]
        for read in reads {
            for isMetByWrite in [true, false] {
                let connection = try brokenConnection(bytes)
                if isMetByWrite { try? await connection.write("x") }
                for _ in 0..<2 {
                    let error = await #expect(throws: SocketError.self) {
                        try await read(connection)
                    }
                    #expect(error?.errno == .connectionReset)
                }
            }
        }
    }

    @Test("a stream whose write failed with a reset reads the bytes, then connectionReset")
    func stream() throws {
        let reads: [@Sendable (SocketStream) throws -> Void] = [
            { _ = try $0.readToEnd() },
            { _ = try $0.readExactly(8) },
            { _ = try $0.readUntil(0x3B) },
            { stream in while try stream.readLine() != nil {} },
            { stream in while try stream.withLine({ $0.byteCount }) != nil {} },
            { stream in while try !stream.read().isEmpty {} },
            { _ = try $0.exchange("", reading: .until(0x3B)) },
        ]
        for read in reads {
            for isMetByWrite in [true, false] {
                let stream = SocketStream(try broken(Array("one\ntwo".utf8)))
                try stream.write("x")
                if isMetByWrite { try? stream.flush() }
                for _ in 0..<2 {
                    let error = #expect(throws: SocketError.self) { try read(stream) }
                    #expect(error?.errno == .connectionReset)
                }
            }
        }
    }

    @Test("after the end of the stream, a write fails with brokenPipe and reads end cleanly")
    func endThenReset() async throws {
        for receive in Self.receives {
            let socket = try ended()
            let error = #expect(throws: SocketError.self) { try socket.send("x") }
            #expect(error?.errno == .brokenPipe)
            let (count, end) = await drain { try receive(socket) }
            #expect(count == Self.size)
            #expect(end == nil)
        }
        for read in Self.reads.dropLast() {
            let connection = try brokenConnection(afterEnd: true)
            let error = await #expect(throws: SocketError.self) { try await connection.write("x") }
            #expect(error?.errno == .brokenPipe)
            let (count, end) = await drain { try await read(connection) }
            #expect(count == Self.size)
            #expect(end == nil)
        }
        let connection = try brokenConnection(Array("one\ntwo".utf8), afterEnd: true)
        try? await connection.write("x")
        #expect(try await connection.readLine() == "one")
        #expect(try await connection.readLine() == "two")
        #expect(try await connection.readLine() == nil)
    }

    @Test("a Unix peer that closes with unread bytes makes all later reads report a reset")
    func unix() async throws {
        let (here, there) = try Socket.pair()
        try here.sendAll("unread")
        try there.sendAll("abc")
        there.close()
        awaitHangUp(of: here)
        for expected in [3, 0, 0] {
            let (count, error) = await drain { try here.receive().count }
            #expect(count == expected)
            #expect(error == .connectionReset)
        }
        let (one, other) = try Connection.pair()
        try await one.write("unread")
        try await other.write("abc")
        other.close()
        for expected in [3, 0, 0] {
            let (count, error) = await drain { try await one.read().count }
            #expect(count == expected)
            #expect(error == .connectionReset)
        }
    }

    @Test("a thread that receives gets connectionReset while another thread is blocked in send")
    func threads() throws {
        for round in 0..<40 {
            let (here, there) = try round % 2 == 0 ? Loopback.tcpPair() : Socket.pair()
            // Without unread bytes, a Unix peer that closes ends the stream.
            _ = try Loopback.fill(here)
            let sending = Background {
                while true { try here.sendAll([UInt8](repeating: 1, count: 1 << 20)) }
            }
            let receiving = Background {
                var count = 0
                while case let more = try here.receive().count, more > 0 { count += more }
                return count
            }
            try waitUntilAThreadWaits(on: here)
            try there.sendAll("abc")
            try there.setOption(.linger, to: .zero)
            there.close()
            let error = #expect(throws: SocketError.self) { try receiving.value() }
            #expect(error?.errno == .connectionReset)
            #expect(throws: SocketError.self) { try sending.value() }
        }
    }

    @Test("a task that reads gets connectionReset while other tasks write")
    func tasks() async throws {
        for _ in 0..<100 {
            let (here, there) = try Loopback.tcpPair()
            let connection = try Connection(adopting: here)
            let writers = (0..<2).map { _ in
                Task {
                    while true { try await connection.write([UInt8](repeating: 1, count: 1_000)) }
                }
            }
            let reader = Task {
                var count = 0
                while case let more = try await connection.read().count, more > 0 { count += more }
                return count
            }
            try there.sendAll(pattern(Self.size))
            _ = try there.receive()
            try there.setOption(.linger, to: .zero)
            there.close()
            let error = await #expect(throws: SocketError.self) { try await reader.value }
            #expect(error?.errno == .connectionReset)
            for writer in writers { _ = await writer.result }
        }
    }

    @Test("a duplicate reports a reset that the original socket has received")
    func duplicates() throws {
        let socket = try broken([1, 2, 3])
        let copy = try socket.duplicate()
        #expect(throws: SocketError.self) { try copy.send("x") }
        #expect(try socket.receive().count == 3)
        for reader in [socket, copy] {
            let error = #expect(throws: SocketError.self) { try reader.receive() }
            #expect(error?.errno == .connectionReset)
        }
    }

    @Test("a socket that reconnects after a reset does not report the reset again")
    func reconnected() throws {
        let socket = try Socket(.ipv4, .stream)
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        for breaks in [true, false] {
            try socket.connect(to: listener.localAddress)
            let peer = try listener.accept(timeout: .seconds(10))
            if breaks {
                try peer.setOption(.linger, to: .zero)
                peer.close()
                let error = #expect(throws: SocketError.self) { try socket.receive() }
                #expect(error?.errno == .connectionReset)
                try? socket.connect(to: .unnamed)
            } else {
                peer.close()
                #expect(try socket.receive().isEmpty)
            }
        }
    }

    #if DEBUG
        @Test("a receive repeats the error of a send only if that error breaks the connection")
        func codes() throws {
            for code in [Errno.timedOut, .noRouteToHost, .connectionAbort] {
                let (here, there) = try Socket.pair()
                #expect(throws: SocketError.self) {
                    try FaultInjection.during([.send: [.error(code)]]) { _ = try here.send("x") }
                }
                there.close()
                let error = #expect(throws: SocketError.self) { try here.receive() }
                #expect(error?.errno == code)
            }
            for code in [Errno.brokenPipe, .noBufferSpace, .notPermitted] {
                let (here, there) = try Socket.pair()
                #expect(throws: SocketError.self) {
                    try FaultInjection.during([.send: [.error(code)]]) { _ = try here.send("x") }
                }
                there.close()
                #expect(try here.receive().isEmpty)
            }
        }
    #endif
}
