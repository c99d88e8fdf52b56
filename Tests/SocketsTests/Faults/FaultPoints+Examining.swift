import Glibc
import SystemPackage

@testable import SocketDoctor
@testable import Sockets

// The points of the examination of other programs. Programs start and end during an examination,
// and much is not accessible. So the examination survives each failure and still reports the rest.
extension FaultPoint {
    static let examining: [FaultPoint] = [
        // The first call lists all programs, and without it there is nothing to report.
        examining(.opendir, [EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ENOTDIR], skipping: 1),
        examining(.open, [EACCES, EINTR, EMFILE, ENFILE, ENOENT, ENOMEM, ENXIO, EPERM]),
        examining(.read, [EACCES, EINTR, EINVAL, EIO, EISDIR, ESRCH]),
        examining(.readlinkat, [EACCES, EINVAL, EIO, ENOENT, ENOTDIR]),
        examining(.process_vm_readv, [EINVAL, ENOMEM, EPERM, ESRCH]),
    ]

    private static func examining(
        _ call: SystemCall, _ codes: [Int32], skipping: Int = 0
    ) -> FaultPoint {
        FaultPoint(
            name: "examining programs", call: call, skipping: skipping,
            codes: [(.survives, codes)]
        ) { faults in
            let (one, other) = try Socket.pair()
            let poller = Background {
                var requests = [PollRequest(descriptor: one.descriptor, isForWriting: false)]
                try System.poll(&requests, milliseconds: 20_000)
            }
            try waitUntilAThreadWaits(on: one)
            try FaultInjection.$current.withValue(faults) {
                for var process in try MachineProcess.all() where process.id == getpid() {
                    // This process is running, so its state is changed to examine the polling thread.
                    process.state = .sleeping
                    process.readThreads()
                }
            }
            try other.sendAll("x")
            try poller.value()
        }
    }
}
