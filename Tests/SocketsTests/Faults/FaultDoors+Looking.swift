import Glibc
import SystemPackage

@testable import SocketDoctor
@testable import Sockets

// The doors of who looks at other programs. They come and go meanwhile, and much is hidden: whatever
// fails, the rest is still told.
extension FaultDoor {
    static let looking = [
        // The first one is that of all programs, without which nothing can be told.
        looking(.opendir, [EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ENOTDIR], passing: 1),
        looking(.open, [EACCES, EINTR, EMFILE, ENFILE, ENOENT, ENOMEM, ENXIO, EPERM]),
        looking(.read, [EACCES, EINTR, EINVAL, EIO, EISDIR, ESRCH]),
        looking(.readlinkat, [EACCES, EINVAL, EIO, ENOENT, ENOTDIR]),
        looking(.process_vm_readv, [EINVAL, ENOMEM, EPERM, ESRCH]),
    ]

    private static func looking(
        _ call: SystemCall, _ numbers: [Int32], passing: Int = 0
    ) -> FaultDoor {
        FaultDoor(
            name: "looking at programs", call: call, passing: passing,
            codes: [(.survives, numbers)]
        ) { faults in
            let (one, other) = try Socket.pair()
            let poller = Background {
                var requests = [PollRequest(descriptor: one.descriptor, isForWriting: false)]
                try System.poll(&requests, milliseconds: 20_000)
            }
            try waitUntilAThreadWaits(on: one)
            try FaultInjection.$current.withValue(faults) {
                for var process in try MachineProcess.all() where process.id == System.getpid() {
                    // Who looks is not asleep, but the thread that polls is looked at as if.
                    process.state = .sleeping
                    process.lookAtThreads()
                }
            }
            try other.sendAll("x")
            try poller.value()
        }
    }
}
