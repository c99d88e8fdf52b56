internal import Sockets

/// All stream sockets of this machine and the programs that have them, at one moment.
package struct Machine: Sendable {
    /// By the continuous clock.
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
}

/// Who has which socket or pipe: a descriptor may be inherited, so there may be several.
package struct Ownership: Sendable {
    /// One descriptor of one program.
    package struct Owner: Hashable, Sendable, Comparable {
        package var process: Int32
        package var descriptor: Int32

        package init(process: Int32, descriptor: Int32) {
            self.process = process
            self.descriptor = descriptor
        }

        /// By the program, then by the descriptor.
        package static func < (one: Owner, other: Owner) -> Bool {
            (one.process, one.descriptor) < (other.process, other.descriptor)
        }
    }

    // Nearly every socket has one owner, for whom no array has to be made.
    private var first: [UInt32: Owner] = [:]
    private var further: [UInt32: [Owner]] = [:]
    private var ofPipe: [UInt32: Set<Int32>] = [:]
    /// Whether there are programs whose descriptors we may not see.
    package private(set) var isIncomplete = false

    package init(_ processes: some Sequence<MachineProcess>) {
        for process in processes {
            guard let descriptors = process.descriptors else {
                isIncomplete = true
                continue
            }
            for (descriptor, target) in descriptors {
                switch target {
                case .socket(let inode):
                    let owner = Owner(process: process.id, descriptor: descriptor)
                    if first[inode] == nil {
                        first[inode] = owner
                    } else {
                        further[inode, default: []].append(owner)
                    }
                case .pipe(let inode):
                    ofPipe[inode, default: []].insert(process.id)
                case .event, .watcher:
                    break
                }
            }
        }
    }

    /// Who has this socket, in order; nobody that we may see, perhaps.
    package func owners(of socket: MachineSocket) -> [Owner] {
        guard !socket.isOwnerless, let owner = first[socket.inode] else { return [] }
        return further[socket.inode].map { ($0 + [owner]).sorted() } ?? [owner]
    }

    /// Whether any program is seen to have this socket.
    package func hasOwner(_ socket: MachineSocket) -> Bool {
        !socket.isOwnerless && first[socket.inode] != nil
    }

    /// Which programs have an end of this pipe.
    func holders(ofPipe inode: UInt32) -> Set<Int32> { ofPipe[inode] ?? [] }
}
