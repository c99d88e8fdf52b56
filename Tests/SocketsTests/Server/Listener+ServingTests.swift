import Logging
import Synchronization
import Testing

@testable import Sockets

@Suite("Listener: serve", .ownThread)
struct ListenerServingTests {
    /// Connects a client to the listener.
    private func call(_ listener: Listener) throws -> Connection {
        try Connection(adopting: Socket(to: listener.localAddress))
    }

    @Test("serve closes a connection when its handler returns")
    func echo() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task { try await listener.serve { _ = try await $0.echo() } }
        let client = try call(listener)
        try await client.write("hello")
        try client.shutdown(.write)
        var reply: [UInt8] = []
        while try await client.read(appendingTo: &reply) > 0 {}
        #expect(reply == Array("hello".utf8))
        serving.cancel()
        try await serving.value
        #expect(listener.isClosed)
    }

    @Test("serve handles 1,000 concurrent clients")
    func thousandClients() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task { try await listener.serve { _ = try await $0.echo() } }
        // All clients are connected before the first one writes.
        let clients = try await Background {
            try (0..<1_000).map { _ in try Socket(to: listener.localAddress) }
        }.result().map { try Connection(adopting: $0) }
        let echoed = try await withThrowingTaskGroup(of: Bool.self) { group in
            for (number, client) in clients.enumerated() {
                group.addTask(executorPreference: client.source.loop) {
                    let message = Array("I am number \(number)".utf8)
                    try await client.write(message)
                    var reply: [UInt8] = []
                    while reply.count < message.count {
                        guard try await client.read(appendingTo: &reply) > 0 else { break }
                    }
                    return reply == message
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(echoed == 1_000)
        for client in clients { client.close() }
        serving.cancel()
        try await serving.value
    }

    @Test("each handler runs on the loop of its connection")
    func placement() async throws {
        let group = try LoopGroup(loops: 2)
        let listener = try Listener(on: Loopback.ipv4, group: group)
        let loops = Lock<[ObjectIdentifier]>([])
        let serving = Task {
            try await listener.serve { connection in
                let isCurrent = connection.source.loop.isCurrent
                loops.withLock { if isCurrent { $0.append(.init(connection.source.loop)) } }
            }
        }
        for _ in 0..<4 {
            let client = try call(listener)
            #expect(try await client.read().isEmpty)
        }
        #expect(loops.withLock { $0.count } == 4)
        #expect(Set(loops.withLock { $0 }) == Set(group.loops.map { ObjectIdentifier($0) }))
        serving.cancel()
        try await serving.value
    }

    @Test("an error in a handler is logged with the peer and does not affect other connections")
    func errors() async throws {
        struct Oops: Error {}
        let log = LogRecorder()
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(options: ServeOptions(logger: log.logger)) { connection in
                switch try await connection.read(atMost: 1) {
                case Array("o".utf8): throw Oops()
                case Array("t".utf8): _ = try await connection.read(timeout: .milliseconds(1))
                default: try await connection.write("fine")
                }
            }
        }
        let (first, second, third) = (try call(listener), try call(listener), try call(listener))
        try await first.write("o")
        #expect(try await first.read().isEmpty)
        try await second.write("t")
        #expect(try await second.read().isEmpty)
        try await third.write("x")
        #expect(try await third.read() == Array("fine".utf8))
        serving.cancel()
        try await serving.value

        let messages = log.messages
        #expect(messages.map(\.level) == [.warning, .info])
        #expect(messages.first?.metadata["peer"] == "\(first.localAddress)")
        #expect(messages.first?.metadata["error"] == "Oops()")
        #expect(messages.last?.metadata["peer"] == "\(second.localAddress)")
        let text = try #require(messages.last?.metadata["error"]).description
        #expect(text.contains("1 ms"))
    }

    @Test("the error of a handler whose client has closed is logged at the level debug")
    func departedClients() async throws {
        let log = LogRecorder()
        let listener = try Listener(on: Loopback.ipv4)
        let (database, databaseServer) = try Loopback.tcpPair()
        try databaseServer.setOption(.linger, to: .zero)
        let serving = Task {
            let database = try Connection(adopting: database)
            databaseServer.close()
            try await listener.serve(options: ServeOptions(logger: log.logger)) { connection in
                switch try await connection.read(atMost: 1) {
                case Array("w".utf8):
                    while true { try await connection.write([UInt8](repeating: 1, count: 10_000)) }
                case Array("e".utf8): _ = try await connection.readExactly(10)
                case Array("x".utf8): _ = try await connection.exchange("?", reading: .line)
                case Array("d".utf8): _ = try await database.read()
                default: while try await connection.readLine() != nil {}
                }
            }
        }
        for (number, request) in ["r", "w", "e", "x", "d"].enumerated() {
            let client = try Socket(to: listener.localAddress)
            try client.sendAll(request)
            if request == "e" || request == "x" {
                try client.shutdown(.write)
                while try !client.receive(timeout: .seconds(10)).isEmpty {}
            } else if request == "d" {
                #expect(try client.receive(timeout: .seconds(10)).isEmpty)
            } else {
                try client.setOption(.linger, to: .zero)
            }
            client.close()
            #expect(await eventually { log.messages.count == number + 1 })
        }
        serving.cancel()
        try await serving.value
        // An error of another connection is the server's own.
        #expect(log.messages.map(\.level) == [.debug, .debug, .debug, .debug, .info])
    }

    @Test("100 clients whose requests were not read completely receive the answer and EOF")
    func unreadRequests() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve { connection in
                _ = try await connection.read(atMost: 100)
                try await connection.write("answer")
            }
        }
        for _ in 0..<100 {
            let client = try Socket(to: listener.localAddress)
            let answer = try await Background {
                try client.sendAll(pattern(200_000))
                var answer: [UInt8] = []
                while try client.receive(appendingTo: &answer, timeout: .seconds(10)) > 0 {}
                client.close()
                return answer
            }.result()
            #expect(answer == Array("answer".utf8))
        }
        serving.cancel()
        try await serving.value
    }

    @Test("serve waits at most two seconds for a connection to finish")
    func finishIsLimited() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task { try await listener.serve { try await $0.write("answer") } }
        let client = try Socket(to: listener.localAddress)
        #expect(try client.receive(timeout: .seconds(10)) == Array("answer".utf8))
        let start = ContinuousClock.now
        #expect(try client.receive(timeout: .seconds(10)).isEmpty)
        #expect(start.duration(to: .now) < .seconds(1))
        // The server resets a client that sends after the connection was closed.
        let error = #expect(throws: SocketError.self) {
            while true {
                try client.send("more")
                _ = try? client.receive(timeout: .milliseconds(20))
            }
        }
        #expect(error?.errno == .brokenPipe || error?.errno == .connectionReset)
        #expect((.milliseconds(1_800)...(.seconds(10))).contains(start.duration(to: .now)))
        serving.cancel()
        try await serving.value
    }

    @Test("the grace period limits the wait for connections to finish", arguments: [0, 100])
    func finishWithinGrace(milliseconds: Int64) async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(
                options: ServeOptions(gracePeriod: .milliseconds(milliseconds))
            ) { try await $0.write("answer") }
        }
        let client = try Socket(to: listener.localAddress)
        #expect(try client.receive(timeout: .seconds(10)) == Array("answer".utf8))
        #expect(try client.receive(timeout: .seconds(10)).isEmpty)
        let start = ContinuousClock.now
        serving.cancel()
        try await serving.value
        #expect((.milliseconds(milliseconds)...(.seconds(1))).contains(start.duration(to: .now)))
        withExtendedLifetime(client) {}
    }

    @Test("control characters in an error of a handler are escaped in the log")
    func hostileError() async throws {
        struct BadCommand: Error, CustomStringConvertible {
            let description: String
        }
        let log = LogRecorder()
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(options: ServeOptions(logger: log.logger)) { connection in
                let line = try await connection.readLine() ?? ""
                throw BadCommand(description: "no such command: \(line)")
            }
        }
        let client = try call(listener)
        try await client.write("\u{1B}[2Jall is well\r\u{7}\n")
        #expect(try await client.read().isEmpty)
        serving.cancel()
        try await serving.value
        let text = log.messages.first?.metadata["error"]
        #expect(text == #"no such command: \x1b[2Jall is well\x0d\x07"#)
    }

    @Test("handlers inherit the task-local values of the serving task")
    func taskLocals() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await Self.$name.withValue("served") {
                try await listener.serve { try await $0.write(Self.name) }
            }
        }
        let client = try call(listener)
        #expect(try await client.read() == Array("served".utf8))
        serving.cancel()
        try await serving.value
    }

    @TaskLocal private static var name = "nothing"

    @Test("serve throws `closed` on a closed listener, and `busy` if another task serves")
    func closedOrBusy() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let isServed = Wakeup()
        isServed.reset()
        let serving = Task { try await listener.serve { _ in isServed.wake() } }
        let client = try call(listener)
        await isServed.wait(on: listener.source.loop)
        let busy = await #expect(throws: SocketError.self) { try await listener.serve { _ in } }
        #expect(busy?.cause == .busy)
        #expect(!listener.isClosed)
        client.close()
        serving.cancel()
        try await serving.value
        let closed = await #expect(throws: SocketError.self) { try await listener.serve { _ in } }
        #expect(closed?.cause == .closed)
    }

    @Test("serve returns without an error if its task is already cancelled")
    func cancelledBefore() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            while !Task.isCancelled { await Task.yield() }
            try await listener.serve { _ in }
        }
        serving.cancel()
        try await serving.value
        #expect(listener.isClosed)
    }

    #if DEBUG
        @Test("an unexpected accept error ends `serve` and closes the listener")
        func broken() async throws {
            let listener = try Listener(on: Loopback.ipv4)
            let script = FaultInjection([.accept: [.error(.invalidArgument)]])
            let error = await FaultInjection.$current.withValue(script) {
                await #expect(throws: SocketError.self) { try await listener.serve { _ in } }
            }
            #expect(error?.errno == .invalidArgument)
            #expect(error?.operation == .accept)
            #expect(listener.isClosed)
        }

        @Test(
            "a shortage of descriptors is logged once, and the waiting client is served afterwards")
        func shortage() async throws {
            let log = LogRecorder()
            let listener = try Listener(on: Loopback.ipv4)
            let shortage = Array(repeating: FaultInjection.Fault.error(.tooManyOpenFiles), count: 4)
            let script = FaultInjection([.accept: shortage])
            let serving = Task {
                try await FaultInjection.$current.withValue(script) {
                    try await listener.serve(options: ServeOptions(logger: log.logger)) {
                        try await $0.write("hello")
                    }
                }
            }
            let client = try call(listener)
            #expect(try await client.read() == Array("hello".utf8))
            #expect(script.remaining(of: .accept) == 0)
            serving.cancel()
            try await serving.value
            #expect(log.messages.count == 1)
            #expect(log.messages.first?.level == .warning)
            #expect(log.messages.first?.metadata["error"] == "\(Errno.tooManyOpenFiles)")
        }

        @Test("with no free descriptors, serve accepts another client whenever a connection closes")
        func retryWakeup() async throws {
            let listener = try Listener(on: Loopback.ipv4)
            // The first client is accepted. Then pauses of 5 ms to 640 ms begin, 1.2 s in all.
            let shortage = Array(repeating: FaultInjection.Fault.error(.tooManyOpenFiles), count: 8)
            let script = FaultInjection([.accept: [.pass] + shortage])
            let serving = Task {
                try await FaultInjection.$current.withValue(script) {
                    try await listener.serve { _ = try await $0.echo() }
                }
            }
            let clients = try (0..<8).map { _ in try call(listener) }
            let start = ContinuousClock.now
            for client in clients {
                try await client.write("x")
                #expect(try await client.read() == [0x78])
                client.close()
            }
            #expect(start.duration(to: .now) < .seconds(10))
            #expect(script.remaining(of: .accept) == 0)
            serving.cancel()
            try await serving.value
        }
    #endif

    @Test("serve logs nothing about clients that stay open after their handlers have returned")
    func quietEnd() async throws {
        let log = LogRecorder()
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            let options = ServeOptions(gracePeriod: .milliseconds(50), logger: log.logger)
            try await listener.serve(options: options) { try await $0.write("answer") }
        }
        let client = try Socket(to: listener.localAddress)
        #expect(try client.receive(timeout: .seconds(10)) == Array("answer".utf8))
        #expect(try client.receive(timeout: .seconds(10)).isEmpty)
        serving.cancel()
        try await serving.value
        #expect(log.messages.isEmpty)
        withExtendedLifetime(client) {}
    }
}
