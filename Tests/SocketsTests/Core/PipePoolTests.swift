import SystemPackage
import Testing

@testable import Sockets

/// Counts the descriptors of pipes, so each test runs in a process of its own.
@Suite("PipePool", .ownThread)
struct PipePoolTests {
    @Test("pipes are reused while a join lasts and closed when the last join ends")
    func closesPipes() async {
        await #expect(processExitsWith: .success) {
            let before = openPipeEnds()
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
            precondition(openPipeEnds() == before + 2)
            PipePool.endJoin()
            precondition(openPipeEnds() == before)
        }
    }

    @Test("no more than 16 unused pipes are kept")
    func limit() async {
        await #expect(processExitsWith: .success) {
            let before = openPipeEnds()
            PipePool.beginJoin()
            do {
                let pipes = try (0..<40).map { _ in try PipePool.take() }
                for pipe in pipes { PipePool.giveBack(pipe) }
            }
            precondition(openPipeEnds() == before + 32)
            PipePool.endJoin()
            precondition(openPipeEnds() == before)
        }
    }

    @Test("no more than 256 pipes are open at the same time")
    func most() async {
        await #expect(processExitsWith: .success) {
            let before = openPipeEnds()
            for _ in 0..<2 {
                var pipes: [Pipe] = []
                do throws(Errno) {
                    while pipes.count < 1000 { pipes.append(try PipePool.take()) }
                } catch {
                    precondition(error == .tooManyOpenFiles)
                }
                precondition(pipes.count == 256)
                pipes = []
                precondition(openPipeEnds() == before)
            }
        }
    }

    @Test("a shortage of descriptors is reported without a leak")
    func shortage() async {
        await #expect(processExitsWith: .success) {
            let before = openPipeEnds()
            FaultInjection.during([.pipe: [.error(.tooManyOpenFiles)]]) {
                do throws(Errno) {
                    _ = try PipePool.take()
                    preconditionFailure("there was a pipe")
                } catch {
                    precondition(error == .tooManyOpenFiles)
                }
            }
            precondition(openPipeEnds() == before)
        }
    }
}

/// Returns the number of the process's descriptors that are ends of pipes.
///
/// Only the pool opens pipes. The runtime opens and closes other descriptors at any time.
private func openPipeEnds() -> Int {
    targetsOfOpenDescriptors().count { $0.hasPrefix("pipe:") }
}
