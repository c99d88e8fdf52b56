import Foundation
import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("Lookup", .ownThread)
struct LookupTests {
    private func run(
        _ limit: TimeLimit,
        _ call: @escaping @Sendable () throws(HostCallFailure) -> Int
    ) throws(SocketError) -> Int {
        try Lookup.result(
            until: Deadline(startingNow: limit),
            orThrow: { SocketError(.lookUpHost, $0, subject: "h") },
            of: call)
    }

    @Test(
        "a lookup returns its result, with and without a time limit",
        arguments: [TimeLimit.never, .seconds(30)])
    func results(limit: TimeLimit) throws {
        #expect(try run(limit) { 7 } == 7)
    }

    @Test(
        "a failure of a lookup becomes the cause of the thrown error",
        arguments: [TimeLimit.never, .seconds(30)])
    func failures(limit: TimeLimit) throws {
        let error = #expect(throws: SocketError.self) {
            try run(limit) { () throws(HostCallFailure) in throw .noRecovery }
        }
        #expect(error?.description == "cannot look up host h: unknown server error")
    }

    @Test("only a lookup without a time limit runs on the calling thread")
    func withoutALimit() throws {
        let callingThread = pthread_self()
        #expect(try run(.never) { pthread_equal(pthread_self(), callingThread) != 0 ? 1 : 0 } == 1)
        #expect(
            try run(.seconds(30)) { pthread_equal(pthread_self(), callingThread) != 0 ? 1 : 0 } == 0
        )
    }

    @Test("a lookup that exceeds its time limit throws an error that names the limit")
    func limits() throws {
        let gate = DispatchSemaphore(value: 0)
        let error = #expect(throws: SocketError.self) {
            try run(.milliseconds(20)) {
                gate.wait()
                return 7
            }
        }
        #expect(error?.description == "cannot look up host h: timed out after 20 ms")
        gate.signal()
    }

    @Test("a lookup with an expired time limit throws a timeout without waiting")
    func aLimitThatHasPassed() throws {
        let gate = DispatchSemaphore(value: 0)
        let error = #expect(throws: SocketError.self) {
            try run(.until(.now - .seconds(1))) {
                gate.wait()
                return 7
            }
        }
        #expect(error?.isTimeout == true)
        gate.signal()
    }

    @Test("each failure of a host lookup is converted to its cause")
    func hostCauses() {
        let failures: [HostCallFailure] = [
            .hostNotFound, .tryAgain, .noRecovery, .noData, .system(.ioError),
        ]
        let causes: [SocketError.Cause] = [
            .hostLookup(.hostNotFound), .hostLookup(.tryAgain), .hostLookup(.noRecovery),
            .hostLookup(.noData), .system(.ioError),
        ]
        #expect(failures.map(\.cause) == causes)
    }

    @Test(
        "a getaddrinfo failure becomes a `nameResolution` cause, and EAI_SYSTEM becomes the errno")
    func nameCauses() {
        let temporary = AddressInfoFailure(code: EAI_AGAIN, errno: 0)
        guard case .nameResolution(let failure) = temporary.cause else {
            Issue.record("not a name resolution failure")
            return
        }
        #expect(failure.code == EAI_AGAIN)
        #expect(failure.message == "Temporary failure in name resolution")
        #expect(failure.isTemporary)
        let shortage = AddressInfoFailure(code: EAI_SYSTEM, errno: EMFILE)
        #expect(shortage.cause == .system(.tooManyOpenFiles))
    }
}
