import Foundation
import Testing

@testable import Sockets

/// Makes every system call of the library fail with every error code that its manual page lists for
/// such a use.
///
/// No operation traps, takes more than five seconds or leaks a descriptor, and the error names the
/// operation and the error code. Each table runs in a separate process, because other tests open
/// descriptors too.
@Suite("System-call faults", .ownThread)
struct FaultCaseTests {
    /// Whether each table runs in a child process.
    ///
    /// `SOCKETS_FAULTS=1` runs them in this process, so that their output is visible.
    private static let usesChildProcess = Environment.number("SOCKETS_FAULTS") == nil

    private static func run(_ points: [FaultPoint]) async {
        await startLoops()
        var wrong = 0
        for faultCase in points.flatMap(\.cases) {
            // SIGALRM ends a hanging process, and the name of the case is then its last output.
            alarm(20)
            print(faultCase.name)
            guard let problem = await faultCase.run() else { continue }
            wrong += 1
            FileHandle.standardError.write(Data("\(faultCase.name): \(problem)\n".utf8))
        }
        alarm(0)
        precondition(wrong == 0, "\(wrong) cases failed")
    }

    @Test("a failing system call in a blocking operation is reported without a leak or a hang")
    func blocking() async {
        guard Self.usesChildProcess else { return await Self.run(FaultPoint.blocking) }
        await #expect(processExitsWith: .success) { await Self.run(FaultPoint.blocking) }
    }

    @Test("a failing system call of TLS is survived without a leak or a hang", .needsOpenSSL)
    func tls() async {
        guard Self.usesChildProcess else { return await Self.run(FaultPoint.tls) }
        await #expect(processExitsWith: .success) { await Self.run(FaultPoint.tls) }
    }

    @Test("a failing system call in an async operation is reported without a leak or a hang")
    func asynchronous() async {
        guard Self.usesChildProcess else { return await Self.run(FaultPoint.asynchronous) }
        await #expect(processExitsWith: .success) { await Self.run(FaultPoint.asynchronous) }
    }

    @Test("the fault tables contain each system call of the library and at least 60 cases")
    func tableIsComplete() {
        let points = FaultPoint.blocking + FaultPoint.asynchronous + FaultPoint.tls
        let cases = points.flatMap(\.cases)
        let calls = Set(points.map(\.call))
        let missing = Set(SystemCall.allCases).subtracting(calls)
        #expect(missing.isEmpty, "\(missing.map(\.rawValue).sorted())")
        #expect(cases.count >= 60)
        print(
            "System-call faults: \(calls.count) calls at \(points.count) points, \(cases.count) cases"
        )
    }
}
