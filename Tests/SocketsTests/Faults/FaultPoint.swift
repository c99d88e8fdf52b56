import Glibc

@testable import Sockets

/// A fault injection point: an operation of the library, a system call that it makes, and what the
/// operation must do if that call fails.
struct FaultPoint: Sendable {
    typealias Script = [SystemCall: [FaultInjection.Fault]]

    /// What the operation must do.
    enum Outcome: Sendable {
        /// It throws a `SocketError` with this operation and the error code of the failed call.
        case fails(SocketError.Operation)
        /// Either of two operations, which run side by side, throws such an error.
        case eitherFails(SocketError.Operation, SocketError.Operation)
        /// It succeeds as if the call had not failed.
        case survives
        /// It throws a `SocketError` with another error code, which describes the operation better.
        case failsOtherwise(SocketError.Operation, Errno)
    }

    let name: String
    let call: SystemCall
    /// Faults of earlier calls, without which the operation would not make this call.
    var before: Script = [:]
    /// How many calls with this name succeed before one fails.
    var skipping = 0
    /// The error codes that the manual page lists for this use of the call, by outcome.
    let codes: [(outcome: Outcome, codes: [Int32])]
    /// Prepares the operation, and performs it with the faults injected.
    let run: @Sendable (FaultInjection) async throws -> Void

    /// A case for each error code.
    var cases: [FaultCase] {
        codes.flatMap { outcome, codes in
            codes.map { FaultCase(point: self, code: Errno(rawValue: $0), outcome: outcome) }
        }
    }

    var script: Script {
        var script = before
        script[call, default: []] += Array(repeating: .pass, count: skipping)
        return script
    }
}

/// A fault injection point and the error code with which its call fails.
struct FaultCase: Sendable {
    let point: FaultPoint
    let code: Errno
    let outcome: FaultPoint.Outcome

    var name: String {
        "\(point.name): \(point.call.rawValue)(2) fails with \(code.rawValue), \(code)"
    }

    /// Runs the operation and returns a description of what is wrong, or nil.
    func run() async -> String? {
        var script = point.script
        script[point.call, default: []].append(.error(code))
        let faults = FaultInjection(script)
        let before = openDescriptors()
        let start = ContinuousClock.now
        var failure: (any Error)?
        do { try await point.run(faults) } catch { failure = error }
        let took = start.duration(to: .now)
        let isReleased = await eventually { openDescriptors() <= before }

        if faults.remaining(of: point.call) != 0 { return "the call was not made" }
        if took > .seconds(5) { return "it took \(took)" }
        if !isReleased { return "descriptors leak: \(openDescriptors()) after \(before)" }
        return problem(with: failure)
    }

    private func problem(with failure: (any Error)?) -> String? {
        let (operations, expected): ([SocketError.Operation], Errno)
        switch outcome {
        case .survives: return failure.map { "it failed: \($0)" }
        case .fails(let wanted): (operations, expected) = ([wanted], code)
        case .eitherFails(let one, let other): (operations, expected) = ([one, other], code)
        case .failsOtherwise(let wanted, let other): (operations, expected) = ([wanted], other)
        }
        guard let error = failure as? SocketError else {
            return "it did not fail with a SocketError, but \(String(describing: failure))"
        }
        guard operations.contains(error.operation), error.errno == expected else {
            return "the error is wrong: \(error)"
        }
        return nil
    }
}
