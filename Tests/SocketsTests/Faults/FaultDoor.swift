import Glibc

@testable import Sockets

/// One way into the kernel: an operation of the library, the call that it makes on its way, and what
/// becomes of the operation when that call fails.
struct FaultDoor: Sendable {
    typealias Script = [SystemCall: [FaultInjection.Fault]]

    /// What has to become of the operation.
    enum Outcome: Sendable {
        /// It throws a `SocketError` of this operation, with the number of the failed call.
        case fails(SocketError.Operation)
        /// It goes on as if nothing had been.
        case survives
        /// It throws another number, which is the truth about the operation.
        case failsOtherwise(SocketError.Operation, Errno)
    }

    let name: String
    let call: SystemCall
    /// Faults that go before, so that the operation comes to the call at all.
    var before: Script = [:]
    /// So many calls of this name succeed before the one that fails.
    var passing = 0
    /// What the manual page lists for the call and this use of it, and what becomes of it.
    let codes: [(outcome: Outcome, numbers: [Int32])]
    /// Prepares the operation, and makes it under the script.
    let walk: @Sendable (FaultInjection) async throws -> Void

    /// The door for each number.
    var cells: [FaultCell] {
        codes.flatMap { outcome, numbers in
            numbers.map { FaultCell(door: self, code: Errno(rawValue: $0), outcome: outcome) }
        }
    }

    var script: Script {
        var script = before
        script[call, default: []] += Array(repeating: .pass, count: passing)
        return script
    }
}

/// One call that fails in one way, at one door.
struct FaultCell: Sendable {
    let door: FaultDoor
    let code: Errno
    let outcome: FaultDoor.Outcome

    var name: String {
        "\(door.name): \(door.call.rawValue)(2) fails with \(code.rawValue), \(code)"
    }

    /// Walks through the door, and tells what was not as it has to be; nil if all was.
    func walk() async -> String? {
        var script = door.script
        script[door.call, default: []].append(.error(code))
        let faults = FaultInjection(script)
        let before = openDescriptors()
        let start = ContinuousClock.now
        var failure: (any Error)?
        do { try await door.walk(faults) } catch { failure = error }
        let took = start.duration(to: .now)
        let isReleased = await eventually { openDescriptors() <= before }

        if faults.remaining(of: door.call) != 0 { return "the call was not made" }
        if took > .seconds(5) { return "it took \(took)" }
        if !isReleased { return "descriptors leak: \(openDescriptors()) after \(before)" }
        return complaint(about: failure)
    }

    private func complaint(about failure: (any Error)?) -> String? {
        let (operation, truth): (SocketError.Operation, Errno)
        switch outcome {
        case .survives: return failure.map { "it failed: \($0)" }
        case .fails(let wanted): (operation, truth) = (wanted, code)
        case .failsOtherwise(let wanted, let other): (operation, truth) = (wanted, other)
        }
        guard let error = failure as? SocketError else {
            return "it did not fail with a SocketError, but \(String(describing: failure))"
        }
        guard error.operation == operation, error.errno == truth else {
            return "the error lies: \(error)"
        }
        return nil
    }
}
