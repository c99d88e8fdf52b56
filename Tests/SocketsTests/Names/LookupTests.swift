import Foundation
import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("Lookup", .ownThread)
struct LookupTests {
    private func ask(
        _ limit: TimeLimit,
        _ question: @escaping @Sendable () throws(HostCallFailure) -> Int
    ) throws(SocketError) -> Int {
        try Lookup.answer(
            until: Deadline(startingNow: limit),
            orThrow: { SocketError(.lookUpHost, $0, subject: "h") },
            to: question)
    }

    @Test(
        "an answer is given, with and without a limit", arguments: [TimeLimit.never, .seconds(30)])
    func answers(limit: TimeLimit) throws {
        #expect(try ask(limit) { 7 } == 7)
    }

    @Test("a failure becomes its cause", arguments: [TimeLimit.never, .seconds(30)])
    func failures(limit: TimeLimit) throws {
        let error = #expect(throws: SocketError.self) {
            try ask(limit) { () throws(HostCallFailure) in throw .noRecovery }
        }
        #expect(error?.description == "cannot look up host h: unknown server error")
    }

    @Test("without a limit the caller's own thread asks")
    func withoutALimit() throws {
        let caller = pthread_self()
        #expect(try ask(.never) { pthread_equal(pthread_self(), caller) != 0 ? 1 : 0 } == 1)
        #expect(try ask(.seconds(30)) { pthread_equal(pthread_self(), caller) != 0 ? 1 : 0 } == 0)
    }

    @Test("at the limit the error tells it, word for word")
    func limits() throws {
        let gate = DispatchSemaphore(value: 0)
        let error = #expect(throws: SocketError.self) {
            try ask(.milliseconds(20)) {
                gate.wait()
                return 7
            }
        }
        #expect(error?.description == "cannot look up host h: timed out after 20 ms")
        gate.signal()
    }

    @Test("a limit that has passed is not waited for")
    func aLimitThatHasPassed() throws {
        let gate = DispatchSemaphore(value: 0)
        let error = #expect(throws: SocketError.self) {
            try ask(.until(.now - .seconds(1))) {
                gate.wait()
                return 7
            }
        }
        #expect(error?.isTimeout == true)
        gate.signal()
    }

    @Test("every failure of a host look-up has its cause")
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

    @Test("a failure of name resolution is one, unless the system was behind it")
    func nameCauses() {
        guard case .nameResolution(let failure) = AddressInfoFailure(code: EAI_AGAIN).cause else {
            Issue.record("not a name resolution failure")
            return
        }
        #expect(failure.code == EAI_AGAIN)
        #expect(failure.message == "Temporary failure in name resolution")
        #expect(failure.isTemporary)
        errno = EMFILE
        #expect(AddressInfoFailure(code: EAI_SYSTEM).cause == .system(.tooManyOpenFiles))
    }
}
