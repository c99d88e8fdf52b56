import Glibc
import SystemPackage
import Testing

@testable import Sockets

/// `EFAULT`, and `EBADF` on a descriptor that is ours, say that the library has a bug which could write
/// into somebody else's file: they have to end the program, at every door.
@Suite("System-call faults that must stop the program", .ownThread)
struct FaultTrapTests {
    private static let doors = FaultDoor.blocking + FaultDoor.asynchronous

    /// One door for each call that is made on descriptors of ours.
    private static let numbers: [Int] = {
        let calls: [SystemCall] = [
            .bind, .listen, .accept, .connect, .shutdown, .dup, .recv, .recvfrom, .recvmmsg, .send,
            .sendto, .sendmsg, .poll, .getsockname, .getpeername, .setsockopt, .epoll_ctl, .write,
        ]
        return calls.compactMap { call in doors.firstIndex { $0.call == call } }
    }()

    @Test(
        "a bug of the library ends the program, and says so", arguments: numbers, [EBADF, EFAULT])
    func trap(number: Int, code: Int32) async throws {
        let outcome = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [number, code] in
            await FaultTrapTests.walk(number, code)
        }
        let result = try #require(outcome)
        let words = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(words.contains("a bug in Sockets, please report it"))
        #expect(words.contains("\(Self.doors[number].call.rawValue)(2)"))
    }

    private static func walk(_ number: Int, _ code: Int32) async {
        let door = doors[number]
        var script = door.script
        script[door.call, default: []].append(.error(Errno(rawValue: code)))
        try? await door.walk(FaultInjection(script))
    }
}
