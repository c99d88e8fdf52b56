import Testing

@testable import Sockets

@Suite("FaultInjection")
struct FaultInjectionTests {
    /// Returns the error of a call that would otherwise succeed, or nil.
    private func attempt() -> Errno? {
        do throws(Errno) {
            _ = try systemCall(.listen) { Int32(0) }
            return nil
        } catch {
            return error
        }
    }

    @Test("faults occur in the order of the script, and later calls succeed")
    func orderOfTheScript() {
        FaultInjection.during([
            .listen: [.error(.noMemory), .pass, .error(.addressInUse)]
        ]) {
            let outcomes = (0..<5).map { _ in attempt() }
            #expect(outcomes == [.noMemory, nil, .addressInUse, nil, nil])
        }
    }

    @Test("a failed call does not reach the kernel")
    func failedCallIsNotMade() {
        FaultInjection.during([.listen: [.error(.noMemory)]]) {
            var calls = 0
            #expect(throws: Errno.noMemory) {
                try systemCall(.listen) { () -> Int32 in
                    calls += 1
                    return 0
                }
            }
            #expect(calls == 0)
        }
    }

    @Test("calls that the script does not contain are unaffected")
    func otherCallsPass() {
        FaultInjection.during([.bind: [.error(.noMemory)]]) {
            #expect(attempt() == nil)
            #expect(FaultInjection.current?.remaining(of: .bind) == 1)
            #expect(FaultInjection.current?.remaining(of: .listen) == 0)
        }
    }

    @Test("no fault occurs after the scope ends, even if the scope throws")
    func endsWithItsScope() {
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try FaultInjection.during([.listen: [.error(.noMemory)]]) { throw Stop() }
        }
        #expect(FaultInjection.current == nil)
        #expect(attempt() == nil)
    }

    @Test("an inner script replaces the outer script until the inner scope ends")
    func innerScript() {
        FaultInjection.during([.listen: [.error(.noMemory)]]) {
            FaultInjection.during([.bind: [.error(.addressInUse)]]) {
                #expect(attempt() == nil)
            }
            #expect(attempt() == .noMemory)
        }
    }

    @Test("a script does not affect other threads")
    func otherThreadsPass() throws {
        try FaultInjection.during([.listen: [.error(.noMemory)]]) {
            let other = try Background { FaultInjection.current == nil }.value()
            #expect(other)
            #expect(attempt() == .noMemory)
        }
    }

    @Test("errors and short transfers of one call occur in the order of the script")
    func shortTransfersInTurn() throws {
        let (one, other) = try RawSockets.pair()
        try FaultInjection.during([.recv: [.error(.interrupted), .short(1), .pass, .short(2)]]) {
            _ = try System.send(other.number, "abcdefgh")
            #expect(throws: Errno.interrupted) { try System.recv(one.number, atMost: 3) }
            let received = try (0..<4).map { _ in
                try System.recv(one.number, atMost: 3, .dontWait)
            }
            #expect(received == ["a", "bcd", "ef", "gh"])
        }
    }

    @Test("an injected short transfer of a datagram ends the program with a message")
    func shortDatagramTraps() async throws {
        let result = try #require(
            await #expect(
                processExitsWith: .failure, observing: [\.standardErrorContent]
            ) {
                FaultInjection.during([.sendto: [.short(1)]]) {
                    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
                    _ = try? System.sendto(0, nothing, [], RawSocketAddress(.unnamed))
                }
            })
        let words = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(words.contains("sendto(2) does not support short transfers"))
    }
}
