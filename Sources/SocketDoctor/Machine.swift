internal import Sockets

/// All stream sockets of this machine and the processes that own them, at one moment.
package struct Machine: Sendable {
    /// The time of the sample on the continuous clock.
    package var takenAt: Duration
    package var sockets: [MachineSocket]
    package var processes: [Int32: MachineProcess]

    package init(
        takenAt: Duration = .zero, sockets: [MachineSocket] = [], processes: [MachineProcess] = []
    ) {
        self.takenAt = takenAt
        self.sockets = sockets
        self.processes = Dictionary(processes.map { ($0.id, $0) }) { $1 }
    }

    /// Returns the name and the number of a process, such as "python3[4711]", escaped for a
    /// terminal.
    package func name(of process: Int32) -> String {
        processes[process]?.description ?? "PID \(process)"
    }
}

/// The owners of sockets and pipes.
///
/// A socket may have several owners, because child processes inherit descriptors.
package struct Ownership: Sendable {
    /// An owner of a socket: a process, and its descriptor for the socket.
    package struct Owner: Hashable, Sendable, Comparable {
        package var process: Int32
        package var descriptor: Int32

        package init(process: Int32, descriptor: Int32) {
            self.process = process
            self.descriptor = descriptor
        }

        /// Returns whether the first owner precedes the second, by process and then by descriptor.
        package static func < (first: Owner, second: Owner) -> Bool {
            (first.process, first.descriptor) < (second.process, second.descriptor)
        }
    }

    // Nearly every socket has one owner, so the first owner is stored without an array.
    private var firstOwner: [UInt32: Owner] = [:]
    private var furtherOwners: [UInt32: [Owner]] = [:]
    private var pipeHolders: [UInt32: Set<Int32>] = [:]
    /// A Boolean value that indicates whether the descriptors of any process are hidden from this
    /// user.
    private(set) var isIncomplete = false

    init(_ processes: some Sequence<MachineProcess>) {
        for process in processes {
            guard let descriptors = process.descriptors else {
                isIncomplete = true
                continue
            }
            for (descriptor, target) in descriptors {
                switch target {
                case .socket(let inode):
                    let owner = Owner(process: process.id, descriptor: descriptor)
                    if firstOwner[inode] == nil {
                        firstOwner[inode] = owner
                    } else {
                        furtherOwners[inode, default: []].append(owner)
                    }
                case .pipe(let inode):
                    pipeHolders[inode, default: []].insert(process.id)
                case .eventfd, .epoll:
                    break
                }
            }
        }
    }

    /// Returns the visible owners of a socket, in ascending order.
    package func owners(of socket: MachineSocket) -> [Owner] {
        guard !socket.isOwnerless, let owner = firstOwner[socket.inode] else { return [] }
        return furtherOwners[socket.inode].map { ($0 + [owner]).sorted() } ?? [owner]
    }

    /// Returns whether a socket has a visible owner.
    func hasOwner(_ socket: MachineSocket) -> Bool {
        !socket.isOwnerless && firstOwner[socket.inode] != nil
    }

    /// Returns the processes that have a descriptor of a pipe.
    func holders(ofPipe inode: UInt32) -> Set<Int32> { pipeHolders[inode] ?? [] }
}
