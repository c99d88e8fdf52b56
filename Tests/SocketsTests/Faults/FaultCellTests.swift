import Foundation
import Testing

@testable import Sockets

/// Every call of the library, made to fail in every way that its manual page lists for such a use.
///
/// Nothing traps, nothing takes more than five seconds, no descriptor leaks, and the error names
/// the operation and the number. Each table in a process of its own, where nobody else opens
/// descriptors.
@Suite("System-call faults", .ownThread)
struct FaultCellTests {
    /// With `SOCKETS_FAULTS=1` they run where what they say is seen.
    private static let isApart = Environment.number("SOCKETS_FAULTS") == nil

    private static func run(_ doors: [FaultDoor]) async {
        // The loops of the process have to be there before descriptors are counted: ours, and that of
        // the runtime, which it makes for its first timer.
        _ = LoopGroup.shared
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(1)) {
                continuation.resume()
            }
        }
        var wrong = 0
        for cell in doors.flatMap(\.cells) {
            // Whoever hangs is ended by this, with the cell's name as the last thing said.
            alarm(20)
            print(cell.name)
            guard let complaint = await cell.walk() else { continue }
            wrong += 1
            FileHandle.standardError.write(Data("\(cell.name): \(complaint)\n".utf8))
        }
        alarm(0)
        precondition(wrong == 0, "\(wrong) cells are not as they have to be")
    }

    @Test("a blocking call that fails is reported as it was, leaves nothing behind and never hangs")
    func blocking() async {
        guard Self.isApart else { return await Self.run(FaultDoor.blocking) }
        await #expect(processExitsWith: .success) { await Self.run(FaultDoor.blocking) }
    }

    @Test("a call of the asynchronous half that fails does so too")
    func asynchronous() async {
        guard Self.isApart else { return await Self.run(FaultDoor.asynchronous) }
        await #expect(processExitsWith: .success) { await Self.run(FaultDoor.asynchronous) }
    }

    @Test("the table holds each call that the library makes, and at least 60 cells")
    func tableIsComplete() {
        let doors = FaultDoor.blocking + FaultDoor.asynchronous
        let cells = doors.flatMap(\.cells)
        let calls = Set(doors.map(\.call))
        let missing = Set(SystemCall.allCases).subtracting(calls)
        #expect(missing.isEmpty, "\(missing.map(\.rawValue).sorted())")
        #expect(cells.count >= 60)
        print(
            "System-call faults: \(calls.count) calls at \(doors.count) doors, \(cells.count) cells"
        )
    }
}
