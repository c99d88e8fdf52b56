import Glibc
import SystemPackage
import Testing

@testable import Sockets

/// `EFAULT`, and `EBADF` on a descriptor of the library, mean a bug that could write into another
/// file of the program.
///
/// So they must end the program at every point.
@Suite("System-call faults that must end the program", .ownThread)
struct FaultTrapTests {
    private static let points = FaultPoint.blocking + FaultPoint.asynchronous

    /// The index of a point for each call on descriptors of the library.
    private static let indices: [Int] = {
        let calls: [SystemCall] = [
            .bind, .listen, .accept, .connect, .shutdown, .dup, .recv, .recvfrom, .recvmsg,
            .recvmmsg, .send, .sendto, .sendmsg, .poll, .getsockname, .getpeername, .setsockopt,
            .epoll_ctl, .write, .splice,
        ]
        return calls.compactMap { call in points.firstIndex { $0.call == call } }
    }()

    @Test(
        "EBADF and EFAULT end the program with a message that names the call", arguments: indices,
        [EBADF, EFAULT])
    func trap(index: Int, code: Int32) async throws {
        let outcome = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [index, code] in
            await FaultTrapTests.run(index, code)
        }
        let result = try #require(outcome)
        let message = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(message.contains("a bug in Sockets, please report it"))
        #expect(message.contains("\(Self.points[index].call.rawValue)(2)"))
    }

    private static func run(_ index: Int, _ code: Int32) async {
        let point = points[index]
        var script = point.script
        script[point.call, default: []].append(.error(Errno(rawValue: code)))
        try? await point.run(FaultInjection(script))
    }
}
