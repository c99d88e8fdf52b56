import Foundation
import Testing

@testable import Sockets

@Suite("LoopGroup", .ownThread)
struct LoopGroupTests {
    @Test("the shared group has one loop per processor")
    func shared() {
        #expect(LoopGroup.shared.loops.count == System.processorCount)
    }

    @Test("a group has the requested number of loops, but at least one", arguments: [-1, 0, 1, 3])
    func count(_ count: Int) throws {
        #expect(try LoopGroup(loops: count).loops.count == max(1, count))
    }

    @Test("nextRoundRobin returns the loops in turn")
    func turns() throws {
        let group = try LoopGroup(loops: 3)
        let taken = (0..<6).map { _ in ObjectIdentifier(group.nextRoundRobin()) }
        #expect(taken[0..<3] == taken[3..<6])
        #expect(Set(taken).count == 3)
    }

    @Test("next returns the current loop on a loop of the group, and each loop in turn elsewhere")
    func next() async throws {
        let group = try LoopGroup(loops: 2)
        let other = try LoopGroup(loops: 1)
        await Task(executorPreference: group.loops[1]) {
            for _ in 0..<3 { #expect(group.next() === group.loops[1]) }
            #expect(other.next() === other.loops[0])
        }.value
        #expect(Set((0..<2).map { _ in ObjectIdentifier(group.next()) }).count == 2)
    }

    @Test("shutdown of the shared group has no effect")
    func sharedGroup() async {
        LoopGroup.shared.shutdown()
        let loop = LoopGroup.shared.loops[0]
        let isThere = await Task(executorPreference: loop) { loop.isCurrent }.value
        #expect(isThere)
    }

    @Test("shutdown runs the jobs that were enqueued before, and a second shutdown has no effect")
    func shutdown() async throws {
        let group = try LoopGroup(loops: 2)
        let tasks = (0..<100).map { number in
            Task(executorPreference: group.loops[number % 2]) {
                await Task.yield()
                return number
            }
        }
        group.shutdown()
        group.shutdown()
        var sum = 0
        for task in tasks { sum += await task.value }
        #expect(sum == 4_950)
    }

    #if DEBUG
        @Test("creating a group without free descriptors throws EMFILE and leaks no descriptor")
        func noDescriptors() async throws {
            let before = Self.pollers
            let error = #expect(throws: SocketError.self) {
                try FaultInjection.during([.epoll_create1: [.pass, .error(.tooManyOpenFiles)]]) {
                    try LoopGroup(loops: 2)
                }
            }
            #expect(error?.operation == .startEventLoop)
            #expect(error?.errno == .tooManyOpenFiles)
            // The loop that started before the failure has ended.
            #expect(await eventually { Self.pollers <= before })
        }
    #endif

    /// The number of epoll(7) descriptors of the process.
    private static var pollers: Int {
        (0..<1024).count { number in
            let link = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/fd/\(number)")
            return link == "anon_inode:[eventpoll]"
        }
    }

    @Test("every operation on a group that failed to start throws the error of the group")
    func failing() async throws {
        let group = LoopGroup(failing: .tooManyOpenFiles)
        func expectError(_ body: () async throws -> Void) async {
            let error = await #expect(throws: SocketError.self) { try await body() }
            #expect(error?.errno == .tooManyOpenFiles)
        }
        let peer = try Socket(on: .ipv4(.loopback, port: 0))
        await expectError { _ = try Connection.pair(group: group) }
        await expectError { _ = try await Connection(to: peer.localAddress, group: group) }
        await expectError {
            _ = try await Connection(to: .tcp("localhost", port: "http"), group: group)
        }
        await expectError { _ = try await Listener(on: .tcp(port: 0), group: group) }
        await expectError {
            _ = try Listener(
                on: .ipv4(.loopback, port: 0), group: group, options: .init(sharded: true))
        }
        await expectError { _ = try await DatagramChannel(on: .udp(port: 0), group: group) }
        await expectError { _ = try DatagramChannel(to: peer.localAddress, group: group) }
        // Tasks that prefer its loop run on the global executor.
        #expect(await Task(executorPreference: group.loops[0]) { 7 }.value == 7)
        group.shutdown()
    }
}
