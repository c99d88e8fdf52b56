import Glibc
import SystemPackage

@testable import Sockets

// The points of streams over descriptors, and of waits for the descriptors of other libraries.
extension FaultPoint {
    static let streams = [
        onPipe(
            .read, codes: [(.survives, [EINTR]), (.fails(.read), [EBADF, EINVAL, EIO, EISDIR])]
        ) { faults, reader, writer in
            try await writer.write("x\n")
            try await FaultInjection.$current.withValue(faults) {
                _ = try await reader.readLine(timeout: .seconds(20))
            }
        },
        onPipe(
            .write,
            codes: [
                (.survives, [EINTR]),
                (.fails(.write), [EBADF, EFBIG, EINVAL, EIO, ENOSPC, EPERM, EPIPE]),
            ]
        ) { faults, _, writer in
            try await FaultInjection.$current.withValue(faults) {
                try await writer.write("x", timeout: .seconds(20))
            }
        },
        // The first call reads the direction, the second one the mode, and the third one sets
        // close-on-exec. The other two set the mode.
        adopting(.fcntl, codes: [EBADF]),
        adopting(.fcntl, skipping: 1, codes: [EBADF]),
        adopting(.fcntl, skipping: 2, codes: [EBADF]),
        adopting(.fcntl, skipping: 3, codes: [EBADF]),
        adopting(.fcntl, skipping: 4, codes: [EBADF, EPERM, EBUSY]),
        adopting(.dup, codes: [EBADF, EMFILE, EINVAL]),
        adopting(.epoll_ctl, codes: [ENOMEM, ENOSPC, EPERM]),
        FaultPoint(
            // The stream then changes the mode of the terminal's descriptor.
            name: "DescriptorStream of a terminal", call: .open,
            codes: [(.survives, [EACCES, EINTR, EIO, EMFILE, ENFILE, ENOENT, ENXIO])]
        ) { faults in
            let pair = try Pseudoterminal()
            defer { try? pair.master.close() }
            let stream = try FaultInjection.$current.withValue(faults) {
                try DescriptorStream(adopting: pair.terminal)
            }
            try pair.master.write("x")
            _ = try await stream.read(timeout: .seconds(20))
            let released = try stream.release()
            precondition(released.isBlocking)
            try released.close()
        },
        FaultPoint(
            name: "DescriptorStream.shutdown", call: .shutdown,
            codes: [(.fails(.shutdown), [EINVAL, ENOTCONN, ENOTSOCK])]
        ) { faults in
            let (one, other) = try Socket.pair()
            let stream = try DescriptorStream(adopting: one.release())
            try FaultInjection.$current.withValue(faults) { try stream.shutdown(.write) }
            other.close()
        },
        FaultPoint(
            // The descriptor is closed all the same.
            name: "DescriptorStream.close", call: .fcntl, codes: [(.survives, [EBADF, EPERM])]
        ) { faults in
            let ends = try FileDescriptor.pipe()
            let stream = try DescriptorStream(adopting: ends.readEnd)
            FaultInjection.$current.withValue(faults) { stream.close() }
            try ends.writeEnd.close()
        },
    ]

    static let readiness = [
        waiting(
            .poll, codes: [(.survives, [EINTR]), (.fails(.awaitReadiness), [EINVAL, ENOMEM])]),
        waiting(
            .poll, skipping: 1,
            codes: [(.survives, [EINTR]), (.fails(.awaitReadiness), [EINVAL, ENOMEM])]),
        waiting(.dup, codes: [(.fails(.awaitReadiness), [EBADF, EMFILE, EINVAL])]),
        waiting(.epoll_ctl, codes: [(.fails(.awaitReadiness), [ENOMEM, ENOSPC])]),
    ]

    private static func onPipe(
        _ call: SystemCall, codes: [(outcome: Outcome, codes: [Int32])],
        _ run:
            @escaping @Sendable (
                FaultInjection, _ reader: DescriptorStream, _ writer: DescriptorStream
            ) async throws -> Void
    ) -> FaultPoint {
        FaultPoint(name: "DescriptorStream", call: call, codes: codes) { faults in
            let ends = try FileDescriptor.pipe()
            let reader = try DescriptorStream(adopting: ends.readEnd)
            let writer = try DescriptorStream(adopting: ends.writeEnd)
            try await run(faults, reader, writer)
        }
    }

    /// A point of the initializer, after which the caller still owns the descriptor.
    private static func adopting(
        _ call: SystemCall, skipping: Int = 0, codes: [Int32]
    ) -> FaultPoint {
        FaultPoint(
            name: "DescriptorStream(adopting:)", call: call, skipping: skipping,
            codes: [(.fails(.adopt), codes)]
        ) { faults in
            let ends = try FileDescriptor.pipe()
            defer {
                try? ends.readEnd.close()
                try? ends.writeEnd.close()
            }
            do {
                _ = try FaultInjection.$current.withValue(faults) {
                    try DescriptorStream(adopting: ends.readEnd)
                }
            } catch {
                precondition(ends.readEnd.isBlocking)
                throw error
            }
        }
    }

    /// A point of a wait that ends when the peer closes.
    private static func waiting(
        _ call: SystemCall, skipping: Int = 0, codes: [(outcome: Outcome, codes: [Int32])]
    ) -> FaultPoint {
        FaultPoint(
            name: "Readiness.wait", call: call, skipping: skipping, codes: codes
        ) { faults in
            let ends = try FileDescriptor.pipe()
            defer { try? ends.readEnd.close() }
            let waiting = FaultInjection.$current.withValue(faults) {
                Task {
                    try await Readiness.wait(
                        for: ends.readEnd, .readable, timeout: .seconds(20))
                }
            }
            while faults.remaining(of: call) > 0 { await Task.yield() }
            try ends.writeEnd.close()
            _ = try await waiting.value
        }
    }
}
