import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("DescriptorShortage", .ownThread)
struct DescriptorShortageTests {
    @Test("there is no shortage while a descriptor can be opened")
    func noShortage() {
        #expect(System.descriptorShortage(after: 0) == nil)
        #expect(System.descriptorShortage(after: ECONNREFUSED) == nil)
    }

    @Test("the error code of a shortage is returned as an Errno", arguments: [EMFILE, ENFILE])
    func metByTheCall(code: Int32) {
        #expect(System.descriptorShortage(after: code) == Errno(rawValue: code))
    }

    /// Opens files until no descriptor is left.
    private static func takeAllDescriptors() -> [Int32] {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 128)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var taken: [Int32] = []
        while true {
            let descriptor = open("/", O_RDONLY)
            guard descriptor >= 0 else { return taken }
            taken.append(descriptor)
        }
    }

    private static let files = ["hosts": "192.0.2.7 db\n", "services": "daytime 13/tcp\n"]

    @Test(
        "every blocking lookup reports the shortage if no descriptor is free",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func lookups() async {
        await #expect(processExitsWith: .success) {
            let texts = try PrivateMachine.run(files: DescriptorShortageTests.files) {
                // libc loads its modules with the first lookups.
                _ = try Resolver.resolve(.tcp("db", port: "daytime"))
                let known = SocketAddress.ipv4(IPv4Address(192, 0, 2, 7), port: 13)
                let lookups: [() throws -> Void] = [
                    { _ = try Resolver.resolve(.tcp("db", port: 80)) },
                    { _ = try Resolver.resolve(.tcp("db", port: 80), timeout: .seconds(5)) },
                    { _ = try Resolver.host(named: "db") },
                    { _ = try Resolver.host(at: .v4(IPv4Address(192, 0, 2, 7))) },
                    { _ = try Resolver.name(of: known) },
                    { _ = try Resolver.name(of: known, nameRequired: true) },
                    { _ = try Services.port(named: "daytime") },
                    { _ = try Services.name(ofPort: 13) },
                    { _ = try Socket(to: .tcp("db", port: 80)) },
                    { _ = try Socket(to: .tcp("192.0.2.7", port: "daytime")) },
                    { _ = try Socket(on: .udp("db", port: 0)) },
                    { _ = try Resolver.resolve(.tcp("fe80::1%lo", port: 80)) },
                ]
                let taken = DescriptorShortageTests.takeAllDescriptors()
                defer { for descriptor in taken { close(descriptor) } }
                return lookups.map { lookup in
                    do {
                        try lookup()
                        return "no error"
                    } catch {
                        return "\(error)"
                    }
                }
            }
            for text in texts { print(text) }
            try #require(texts.allSatisfy { $0.hasSuffix(": too many open files") })
        }
    }

    @Test(
        "every async lookup reports the shortage if no descriptor is free",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func lookupsOfTasks() async {
        await #expect(processExitsWith: .success) {
            let texts = try PrivateMachine.runTask(files: DescriptorShortageTests.files) { group in
                _ = try await Resolver.resolve(.tcp("db", port: "daytime"))
                let lookups: [() async throws -> Void] = [
                    { _ = try await Resolver.resolve(.tcp("db", port: 80)) },
                    { _ = try await Resolver.host(named: "db") },
                    { _ = try await Connection(to: .tcp("db", port: 80), group: group) },
                    { _ = try await Listener(on: .tcp("db", port: 80), group: group) },
                    { _ = try await DatagramChannel(to: .udp("db", port: 80), group: group) },
                ]
                let taken = DescriptorShortageTests.takeAllDescriptors()
                defer { for descriptor in taken { close(descriptor) } }
                var texts: [String] = []
                for lookup in lookups {
                    do {
                        try await lookup()
                        texts.append("no error")
                    } catch {
                        texts.append("\(error)")
                    }
                }
                return texts
            }
            for text in texts { print(text) }
            try #require(texts.allSatisfy { $0.hasSuffix(": too many open files") })
        }
    }

    @Test(
        "replying to a link-local sender needs no free descriptor",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func linkLocalReplies() async {
        await #expect(processExitsWith: .success) {
            let replies = try PrivateMachine.runTask(commands: [
                "ip link set lo up", "ip -6 addr add fe80::aa/64 dev lo nodad",
            ]) { group in
                let socket = try Socket(on: .udp(port: 0))
                let channel = try await DatagramChannel(on: .udp(port: 0), group: group)
                let client = try Socket(
                    on: try #require(SocketAddress("[fe80::aa%lo]:0")), type: .datagram)
                let servers = [socket.localAddress, channel.localAddress]
                var replies: [Bool] = []
                func exchange() async throws {
                    for server in servers {
                        try client.send(
                            "request", to: client.localAddress.with(port: server.port ?? 0))
                    }
                    let first = try socket.receiveFrom(timeout: .seconds(5))
                    let second = try await channel.receive(timeout: .seconds(5))
                    replies.append(try socket.reply(to: first, with: "answer"))
                    replies.append(try await channel.reply(to: second, with: "answer"))
                    replies.append(try await channel.send("answer", to: second.sender))
                }
                try await exchange()
                let taken = DescriptorShortageTests.takeAllDescriptors()
                defer { for descriptor in taken { close(descriptor) } }
                try await exchange()
                return replies
            }
            try #require(replies == [Bool](repeating: true, count: 6))
        }
    }

    @Test("without free descriptors, an error names the loop or the socket and not the peer")
    func failedObjects() async throws {
        let group = LoopGroup(failing: .tooManyOpenFiles)
        let opens: [(String, () async throws -> Void)] = [
            ("create a socket", { _ = try Socket(to: .tcp("127.0.0.1", port: 9)) }),
            ("create a socket", { _ = try Socket(to: .udp("localhost", port: 9)) }),
            ("create a socket", { _ = try Socket(on: .tcp("127.0.0.1", port: 0)) }),
            ("create a socket", { _ = try Socket(on: .unix("@x")) }),
            (
                "start an event loop",
                { _ = try await Connection(to: .tcp("::1", port: 9), group: group) }
            ),
            (
                "start an event loop",
                { _ = try await Connection(to: .tcp("db", port: 9), group: group) }
            ),
            (
                "start an event loop",
                { _ = try await Connection(to: .ipv4(.loopback, port: 9), group: group) }
            ),
        ]
        for (failed, open) in opens {
            let shortage = FaultInjection([
                .socket: Array(repeating: .error(.tooManyOpenFiles), count: 4)
            ])
            let error = await #expect(throws: SocketError.self) {
                try await FaultInjection.$current.withValue(shortage) { try await open() }
            }
            #expect(error?.description == "cannot \(failed): too many open files")
        }
    }
}
