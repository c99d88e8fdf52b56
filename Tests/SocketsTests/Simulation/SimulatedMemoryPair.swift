@testable import Sockets

/// Two streams in memory on a simulated machine, and one transfer between them.
final class SimulatedMemoryPair: @unchecked Sendable {
    // Safe: one thread runs everything.

    let machine: SimulatedMachine
    let one: MemoryStream
    let other: MemoryStream

    private var kernel: InMemoryKernel { machine.kernel }

    init(in machine: SimulatedMachine) throws {
        self.machine = machine
        let kernel = machine.kernel
        (one, other) = try MemoryStream.pair(
            capacity: 1 + kernel.draw(80), largestTransfer: 1 + kernel.draw(100),
            group: machine.group)
    }

    /// Starts to transfer `count` bytes despite timeouts, which lose none.
    func begin(_ count: Int) {
        machine.start { [self] in await write(count) }
        machine.start { [self] in await read(count) }
    }

    private func write(_ count: Int) async {
        var sent = 0
        while sent < count {
            let size = min(count - sent, 1 + kernel.draw(120))
            let bytes = (sent..<sent + size).map { SimulatedPair.byte(at: $0, of: 0) }
            do {
                try await one.write(bytes, timeout: anyLimit())
                sent += size
            } catch {
                precondition(error.isTimeout, "\(error)")
                sent += error.bytesTransferred
                try? one.resumeWriting()
            }
        }
        try? one.shutdown(.write)
    }

    private func read(_ count: Int) async {
        var position = 0
        while true {
            var received: [UInt8] = []
            do {
                received = try await other.read(atMost: 1 + kernel.draw(60), timeout: anyLimit())
            } catch {
                precondition(error.isTimeout, "\(error)")
                continue
            }
            for byte in received {
                precondition(
                    byte == SimulatedPair.byte(at: position, of: 0),
                    "byte \(position) in memory is \(byte)")
                position += 1
            }
            if received.isEmpty { break }
        }
        precondition(position == count, "the stream ended after \(position) of \(count)")
        kernel.note(12, position)
    }

    private func anyLimit() -> TimeLimit {
        kernel.draw(3) == 0 ? .milliseconds(1 + kernel.draw(20)) : .never
    }
}
