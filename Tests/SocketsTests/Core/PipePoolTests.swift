import SystemPackage
import Testing

@testable import Sockets

/// Counts descriptors, so each test runs in a process of its own.
@Suite("PipePool", .ownThread)
struct PipePoolTests {
    @Test("pipes are reused while a join lasts and closed when the last join ends")
    func closesPipes() async {
        await #expect(processExitsWith: .success) {
            await startLoops()
            let before = openDescriptors()
            PipePool.beginJoin()
            PipePool.beginJoin()
            do {
                let first = try PipePool.take()
                let number = first.reading.number
                PipePool.giveBack(first)
                PipePool.endJoin()
                let second = try PipePool.take()
                precondition(second.reading.number == number)
                PipePool.giveBack(second)
            }
            precondition(openDescriptors() == before + 2)
            PipePool.endJoin()
            precondition(openDescriptors() == before)
        }
    }

    @Test("no more than 16 unused pipes are kept")
    func limit() async {
        await #expect(processExitsWith: .success) {
            await startLoops()
            let before = openDescriptors()
            PipePool.beginJoin()
            do {
                let pipes = try (0..<40).map { _ in try PipePool.take() }
                for pipe in pipes { PipePool.giveBack(pipe) }
            }
            precondition(openDescriptors() == before + 32)
            PipePool.endJoin()
            precondition(openDescriptors() == before)
        }
    }

    @Test("no more than 256 pipes are open at the same time")
    func most() async {
        await #expect(processExitsWith: .success) {
            await startLoops()
            let before = openDescriptors()
            for _ in 0..<2 {
                var pipes: [Pipe] = []
                do throws(Errno) {
                    while pipes.count < 1000 { pipes.append(try PipePool.take()) }
                } catch {
                    precondition(error == .tooManyOpenFiles)
                }
                precondition(pipes.count == 256)
                pipes = []
                precondition(openDescriptors() == before)
            }
        }
    }

    @Test("a shortage of descriptors is reported without a leak")
    func shortage() async {
        await #expect(processExitsWith: .success) {
            await startLoops()
            let before = openDescriptors()
            FaultInjection.during([.pipe: [.error(.tooManyOpenFiles)]]) {
                do throws(Errno) {
                    _ = try PipePool.take()
                    preconditionFailure("there was a pipe")
                } catch {
                    precondition(error == .tooManyOpenFiles)
                }
            }
            precondition(openDescriptors() == before)
        }
    }
}
