import Foundation
import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("Lookup for tasks", .timeLimit(.minutes(1)))
struct LookupAsyncTests {
    @Test(
        "who names nothing that has to be looked up is answered on the spot",
        arguments: [
            Endpoint.udp(port: 53), .udp("127.0.0.1", port: 53), .udp("::1", port: 53),
            .unixDatagram("/tmp/x"), .unix("@x"),
        ])
    func onTheSpot(endpoint: Endpoint) async throws {
        let task = withUnsafeCurrentTask { $0?.hashValue }
        let asker = try await Lookup.withoutBlocking(.bind, endpoint) {
            withUnsafeCurrentTask { $0?.hashValue }
        }
        #expect(asker == task)
    }

    @Test(
        "names of hosts and services are looked up outside of any task",
        arguments: [Endpoint.udp("localhost", port: 53), .udp("127.0.0.1", port: "domain")])
    func outsideOfTasks(endpoint: Endpoint) async throws {
        let isInTask = try await Lookup.withoutBlocking(.bind, endpoint) {
            withUnsafeCurrentTask { $0 != nil }
        }
        #expect(!isInTask)
    }

    @Test("what the look-up throws passes through")
    func failure() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await Lookup.withoutBlocking(.bind, .udp("nosuch", port: 1)) {
                () throws(SocketError) -> Int in
                guard getpid() == 0 else { throw SocketError(.resolve, .closed) }
                return 1
            }
        }
        #expect(error?.operation == .resolve)
        #expect(error?.cause == .closed)
    }

    @Test("a task that is cancelled does not wait for the answer")
    func cancelled() async throws {
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let gate = DispatchSemaphore(value: 0)
        let endpoint = Endpoint.udp("silent.example", port: 1)
        let asker = Task { () throws(SocketError) in
            try await Lookup.withoutBlocking(.connect, endpoint) {
                begin.yield()
                gate.wait()
                return 7
            }
        }
        for await _ in begun { break }
        asker.cancel()
        let error = await #expect(throws: SocketError.self) { try await asker.value }
        #expect(error?.description == "cannot connect to udp://silent.example:1: cancelled")
        gate.signal()
    }
}
