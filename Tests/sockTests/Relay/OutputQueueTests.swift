import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct OutputQueueTests {
    @Test("finish returns after all bytes are written in order")
    func order() async throws {
        let written = Monitor<[UInt8]>([])
        let isOpen = Monitor(false)
        let queue = try OutputQueue { bytes throws(Failure) in
            isOpen.wait { $0 }
            written.update { $0 += bytes }
        }
        for number: UInt8 in 0..<50 { await queue.write([number]) }
        isOpen.update { $0 = true }
        #expect(queue.finish() == 0)
        #expect(written.update { $0 } == Array(0..<50))
    }

    @Test("write announces a new sender before its bytes, and perform runs after all bytes")
    func actions() async throws {
        let written = Monitor<[String]>([])
        let isOpen = Monitor(false)
        let queue = try OutputQueue { bytes throws(Failure) in
            isOpen.wait { $0 }
            written.update { $0.append(String(decoding: bytes, as: UTF8.self)) }
        }
        for sender in [1, 1, 2, 1] {
            await queue.write(Array("bytes \(sender)".utf8), from: sender) {
                written.update { $0.append("from \(sender)") }
            }
        }
        queue.perform { written.update { $0.append("end") } }
        isOpen.update { $0 = true }
        let expected = [
            "from 1", "bytes 1", "bytes 1", "from 2", "bytes 2", "from 1", "bytes 1", "end",
        ]
        #expect(written.wait(atMost: .seconds(10)) { $0 == expected })
    }

    @Test("write suspends a task that writes faster than the output")
    func backPressure() async throws {
        let isOpen = Monitor(false)
        let queue = try OutputQueue { _ throws(Failure) in isOpen.wait { $0 } }
        let accepted = Monitor(0)
        let piece = [UInt8](repeating: 0, count: OutputQueue.capacity / 4)
        let writing = Task.detached {
            for _ in 0..<8 {
                await queue.write(piece)
                accepted.update { $0 += 1 }
            }
        }
        #expect(accepted.wait(atMost: .seconds(10)) { $0 == 3 })
        #expect(!accepted.wait(atMost: .milliseconds(50)) { $0 > 3 })
        isOpen.update { $0 = true }
        await writing.value
        #expect(queue.finish() == 0)
    }

    @Test("a cancelled write does not wait for blocked output, and finish counts unwritten bytes")
    func blocked() async throws {
        let isOpen = Monitor(false)
        let queue = try OutputQueue { _ throws(Failure) in isOpen.wait { $0 } }
        let writing = Task.detached {
            await queue.write([UInt8](repeating: 0, count: OutputQueue.capacity))
        }
        writing.cancel()
        await writing.value
        #expect(queue.finish(atMost: .milliseconds(10)) == OutputQueue.capacity)
        isOpen.update { $0 = true }
        #expect(queue.finish() == 0)
    }

    @Test("an error of the output is reported")
    func failing() async throws {
        let failures = Monitor<[Failure]>([])
        let failure = Failure(.cannotWriteOutput, "full")
        let queue = try OutputQueue(
            write: { _ throws(Failure) in throw failure },
            orElse: { failure in failures.update { $0.append(failure) } })
        await queue.write([1])
        #expect(failures.wait(atMost: .seconds(10)) { $0 == [failure] })
    }
}
