import Synchronization
import Testing

@testable import Sockets

@Suite("KernelTimeout", .ownThread)
struct KernelTimeoutTests {
    /// A `KernelTimeout` with a model of the option in the kernel.
    private final class Kernel {
        let timeout: KernelTimeout
        /// The limits that were set in the kernel, in order.
        private(set) var calls: [UInt64] = []
        var refuses = false

        init(isKnown: Bool = true) { timeout = KernelTimeout(isKnown: isKnown) }

        func enter(_ limit: UInt64, during: () -> Void = {}) -> Bool {
            timeout.enter(limit: limit) { limit in
                calls.append(limit)
                during()
                return !refuses
            }
        }

        func leave() { timeout.leave() }
    }

    @Test("calls without a time limit never set the kernel's timeout option")
    func noLimit() {
        let kernel = Kernel()
        for _ in 0..<3 {
            #expect(kernel.enter(0))
            kernel.leave()
        }
        #expect(kernel.enter(0) && kernel.enter(0))
        #expect(kernel.calls.isEmpty)
    }

    @Test("calls with the same limit set the option once")
    func setOnce() {
        let kernel = Kernel()
        for _ in 0..<5 {
            #expect(kernel.enter(2_000_000))
            kernel.leave()
        }
        #expect(kernel.calls == [2_000_000])
    }

    @Test("a call with a new limit sets the option if no other call is in progress")
    func changed() {
        let kernel = Kernel()
        for limit in [5, 0, 7, 7, KernelTimeout.longest, 0] as [UInt64] {
            #expect(kernel.enter(limit))
            kernel.leave()
        }
        #expect(kernel.calls == [5, 0, 7, KernelTimeout.longest, 0])
    }

    @Test("two concurrent calls with the same limit share the option")
    func sameLimitTogether() {
        let kernel = Kernel()
        #expect(kernel.enter(1000) && kernel.enter(1000))
        kernel.leave()
        #expect(kernel.enter(1000))
        #expect(kernel.calls == [1000])
    }

    @Test(
        "a call shares a set limit only if that limit is from 20 ms to the call's own limit",
        arguments: [
            // inside, requested, may join
            (0, 1000, false), (0, 1_000_000, false), (19_999, 0, false), (20_000, 0, true),
            (19_999, 30_000, false), (20_000, 30_000, true), (30_000, 20_000, false),
            (1_000_000, 0, true), (1_000_000, 999_999, false), (1_000_000, 1_000_001, true),
        ] as [(UInt64, UInt64, Bool)])
    func joining(inside: UInt64, requested: UInt64, mayJoin: Bool) {
        let kernel = Kernel()
        #expect(kernel.enter(inside))
        let before = kernel.calls
        #expect(kernel.enter(requested) == mayJoin)
        // The option must not change while a call waits.
        #expect(kernel.calls == before)
        if mayJoin { kernel.leave() }
        kernel.leave()
        #expect(kernel.enter(requested))
        #expect(kernel.calls.last ?? 0 == requested)
    }

    @Test("the first call sets the option if its value is unknown, even if the call has no limit")
    func unknown() {
        for limit in [0, 5000] as [UInt64] {
            let kernel = Kernel(isKnown: false)
            #expect(kernel.enter(limit))
            #expect(kernel.calls == [limit])
            kernel.leave()
            #expect(kernel.enter(limit))
            #expect(kernel.calls == [limit])
        }
    }

    @Test("after forget, no new call shares the old limit, and a later call sets the limit again")
    func forgotten() {
        let kernel = Kernel()
        #expect(kernel.enter(50_000))
        kernel.timeout.forget()
        #expect(!kernel.enter(50_000))
        #expect(!kernel.enter(0))
        kernel.leave()
        #expect(kernel.enter(50_000))
        #expect(kernel.calls == [50_000, 50_000])
        kernel.leave()
    }

    @Test("forget is idempotent")
    func forgottenTwice() {
        let kernel = Kernel()
        kernel.timeout.forget()
        kernel.timeout.forget()
        #expect(kernel.enter(0))
        kernel.leave()
        #expect(kernel.enter(0))
        #expect(kernel.calls == [0])
    }

    @Test("if forget is called while a call sets the option, the next call sets the option again")
    func forgottenWhileSetting() {
        let kernel = Kernel()
        #expect(kernel.enter(50_000, during: { kernel.timeout.forget() }))
        #expect(!kernel.enter(50_000))
        kernel.leave()
        #expect(kernel.enter(50_000))
        #expect(kernel.calls == [50_000, 50_000])
    }

    @Test("a call does not use the option while another call is setting the option")
    func whileSetting() {
        let kernel = Kernel()
        var others: [Bool] = []
        #expect(
            kernel.enter(50_000) {
                for limit in [0, 50_000, 60_000] as [UInt64] {
                    others.append(
                        kernel.timeout.enter(limit: limit) { _ in
                            Issue.record("set twice at once")
                            return true
                        })
                }
            })
        #expect(others == [false, false, false])
    }

    @Test("a call does not use an option that the kernel refused to set, and later calls try again")
    func refused() {
        let kernel = Kernel()
        kernel.refuses = true
        #expect(!kernel.enter(5000))
        #expect(!kernel.enter(0))
        kernel.refuses = false
        #expect(kernel.enter(0))
        kernel.leave()
        #expect(kernel.calls == [5000, 0, 0])
    }

    @Test("if forget is called while the kernel refuses the option, the next call sets it again")
    func refusedAndForgotten() {
        let kernel = Kernel()
        kernel.refuses = true
        #expect(!kernel.enter(5000, during: { kernel.timeout.forget() }))
        kernel.refuses = false
        #expect(kernel.enter(5000))
        kernel.leave()
        #expect(kernel.calls == [5000, 5000])
    }

    // MARK: Races

    /// A model of the kernel's option that counts each change while a call is waiting.
    private final class SharedKernel: Sendable {
        let timeout = KernelTimeout(isKnown: true)
        let option = Atomic<UInt64>(0)
        let inside = Atomic<Int>(0)
        let violations = Atomic<Int>(0)
        let entered = Atomic<Int>(0)

        func call(_ limit: UInt64) {
            let isInside = timeout.enter(limit: limit) { limit in
                if inside.load(ordering: .sequentiallyConsistent) != 0 { violate() }
                option.store(limit, ordering: .sequentiallyConsistent)
                return true
            }
            guard isInside else { return }
            inside.add(1, ordering: .sequentiallyConsistent)
            entered.add(1, ordering: .relaxed)
            let inForce = option.load(ordering: .sequentiallyConsistent)
            // A call with a limit must neither wait longer than the limit nor wait without a limit.
            if limit != 0, inForce == 0 || inForce > limit { violate() }
            inside.subtract(1, ordering: .sequentiallyConsistent)
            timeout.leave()
        }

        private func violate() { violations.add(1, ordering: .relaxed) }
    }

    @Test(
        "concurrent calls never exceed their limits or change the option while another call waits")
    func stress() throws {
        let kernel = SharedKernel()
        let limits: [UInt64] = [0, 30_000, 30_000, 90_000]
        let threads = limits.map { limit in
            Background {
                for round in 0..<20_000 {
                    kernel.call(limit)
                    if round % 1000 == 0 { kernel.timeout.forget() }
                }
            }
        }
        for thread in threads { try thread.value() }
        #expect(kernel.violations.load(ordering: .relaxed) == 0)
        #expect(kernel.entered.load(ordering: .relaxed) > 1000)
        #expect(kernel.inside.load(ordering: .relaxed) == 0)
        // All calls have left, so any limit can be set again.
        kernel.timeout.forget()
        let isFree = kernel.timeout.enter(limit: 77) { $0 == 77 }
        #expect(isFree)
    }
}
