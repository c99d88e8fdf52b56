import Testing

@testable import Sockets

@Suite("WaitPlan", .ownThread)
struct WaitPlanTests {
    @Test(
        "kernelLimit has the expected value for each plan, remaining time, attempt and exactness",
        arguments: [
            // Without a limit.
            (.inKernel, nil, true, false, 0), (.inKernel, nil, false, false, 0),
            (.inKernelUnlessLimited, nil, true, false, 0),
            (.inKernelUnlessLimited, nil, false, false, 0),
            (.inSlices, nil, true, false, 50_000), (.inSlices, nil, false, false, 50_000),
            (.pollOnly, nil, true, false, nil), (.pollOnly, nil, false, false, nil),
            // A duration: exactly that in the first attempt, and poll for the rest.
            (.inKernel, .seconds(2), true, true, 2_000_000),
            (.inKernel, .milliseconds(1), true, true, 1000),
            (.inKernel, .microseconds(3), true, true, 3),
            (.inKernel, .nanoseconds(1), true, true, 1),
            (.inKernel, .seconds(2), false, true, nil),
            (.inKernel, .seconds(3e9), true, true, KernelTimeout.longest),
            // An instant: the next lower power of two, which later operations can reuse.
            (.inKernel, .seconds(2), true, false, 1_048_576),
            (.inKernel, .microseconds(4096), true, false, 4096),
            (.inKernel, .microseconds(8191), true, false, 4096),
            (.inKernel, .microseconds(4000), true, false, 2048),
            (.inKernel, .microseconds(3999), true, false, nil),
            (.inKernel, .zero, true, false, nil),
            (.inKernel, .seconds(3e9), true, false, 1 << 39),
            (.inKernel, .seconds(2), false, false, nil),
            // Plans that do not use the kernel's limit.
            (.inKernelUnlessLimited, .seconds(2), true, true, nil),
            (.inKernelUnlessLimited, .seconds(2), false, false, nil),
            (.pollOnly, .seconds(2), true, true, nil), (.pollOnly, .seconds(2), false, false, nil),
            // Slices: the remaining time, but at most 50 ms, in every attempt.
            (.inSlices, .seconds(2), true, true, 50_000),
            (.inSlices, .seconds(2), false, false, 50_000),
            (.inSlices, .milliseconds(20), true, true, 20_000),
            (.inSlices, .milliseconds(20), false, false, 20_000),
            (.inSlices, .nanoseconds(1), false, true, 1),
        ] as [(WaitPlan, Duration?, Bool, Bool, UInt64?)])
    func decisions(
        plan: WaitPlan, remaining: Duration?, isFirst: Bool, isExact: Bool, expected: UInt64?
    ) {
        let limit = plan.kernelLimit(remaining: remaining, isFirst: isFirst, isExact: isExact)
        #expect(limit == expected)
    }

    @Test(
        "kernelLimit of a limited wait is never 0 (forever) or above the longest timeout",
        arguments: [
            Duration.zero, .nanoseconds(1), .seconds(-1), .seconds(Int64.min), .seconds(Int64.max),
            Duration(attoseconds: .min), Duration(attoseconds: .max),
        ])
    func neverZero(remaining: Duration) {
        for plan in [WaitPlan.inKernel, .inKernelUnlessLimited, .inSlices, .pollOnly] {
            for (isFirst, isExact) in [(true, true), (true, false), (false, true), (false, false)] {
                let limit = plan.kernelLimit(
                    remaining: remaining, isFirst: isFirst, isExact: isExact)
                #expect(limit != 0)
                #expect(limit ?? 0 <= KernelTimeout.longest)
            }
        }
    }

    @Test(
        "microsecondsRoundedUp rounds up and is at least 1",
        arguments: [
            (.zero, 1), (.nanoseconds(1), 1), (.nanoseconds(1000), 1), (.nanoseconds(1001), 2),
            (Duration(attoseconds: 1), 1), (Duration(attoseconds: 1_000_000_000_001), 2),
            (.seconds(1), 1_000_000), (.seconds(1) + .nanoseconds(1), 1_000_001), (.seconds(-1), 1),
            (.seconds(Int64.max), 3_000_000_000_000_000), (.seconds(Int64.min), 1),
        ] as [(Duration, UInt64)])
    func microseconds(duration: Duration, expected: UInt64) {
        #expect(duration.microsecondsRoundedUp == expected)
    }

    @Test(
        "millisecondsRoundedUp rounds up and is capped at the maximum timeout of poll",
        arguments: [
            (.zero, 1), (.nanoseconds(1), 1), (.milliseconds(1), 1), (.microseconds(1001), 2),
            (.seconds(2), 2000), (.seconds(2_147_483), 2_147_483_000),
            (.seconds(2_147_484), .max), (.seconds(Int64.max), .max), (.seconds(-5), 1),
        ] as [(Duration, Int32)])
    func milliseconds(duration: Duration, expected: Int32) {
        #expect(duration.millisecondsRoundedUp == expected)
    }
}
