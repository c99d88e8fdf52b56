internal import Sockets

/// A process, as `/proc` describes it; see proc(5).
package struct MachineProcess: Hashable, Sendable {
    /// The object to which a descriptor refers, if a thread may wait for it.
    package enum DescriptorTarget: Hashable, Sendable {
        case socket(inode: UInt32)
        case pipe(inode: UInt32)
        /// An eventfd(2), with which the threads of one process wake each other.
        case eventfd
        /// An epoll(7) instance.
        case epoll
    }

    /// The scheduling state, which ps(1) shows as a letter.
    package enum State: Hashable, Sendable {
        case running, sleeping
        /// The process waits for a disk or another device, and even SIGKILL does not wake it.
        case uninterruptible
        /// A signal has stopped the process; SIGCONT continues it.
        case stopped
        /// A debugger has stopped the process.
        case traced
        /// The process has ended, but its parent has not waited for it yet.
        case ended
        case unknown
    }

    package var id: Int32
    /// The name of the process, with at most 15 bytes, which may be invalid UTF-8.
    package var name: [UInt8]
    /// The path or name with which the process was started; empty if it is hidden.
    package var command: [UInt8]
    package var parent: Int32
    package var state: State
    /// The objects to which the descriptors refer, by descriptor; nil if they are hidden from this
    /// user.
    package var descriptors: [Int32: DescriptorTarget]?
    /// The threads; nil if they were not read or are hidden from this user.
    package var threads: [MachineThread]?
    /// A number that changes whenever a thread of the process runs; nil if the kernel keeps no
    /// counts.
    ///
    /// The kernel shows it to every user.
    package var runCounter: UInt64?

    package init(
        id: Int32, name: String, parent: Int32 = 0, state: State = .sleeping,
        descriptors: [Int32: DescriptorTarget]? = [:], threads: [MachineThread]? = nil
    ) {
        self.id = id
        self.name = Array(name.utf8)
        command = []
        self.parent = parent
        self.state = state
        self.descriptors = descriptors
        self.threads = threads
    }

    /// Parses `/proc/PID/stat`, which contains the number, the name in parentheses, the state, the
    /// parent and more.
    ///
    /// The name may contain parentheses and spaces, so the last closing parenthesis ends it.
    init?(stat: [UInt8]) {
        guard let open = stat.firstIndex(of: UInt8(ascii: "(")),
            let close = stat.lastIndex(of: UInt8(ascii: ")")), open < close,
            let id = Decimal.value(
                of: stat[..<open].filter { $0 != UInt8(ascii: " ") }, maximum: .max)
        else { return nil }
        let fields = stat[(close + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count >= 2, let letter = fields[0].first,
            let parent = Decimal.value(of: fields[1], maximum: .max)
        else { return nil }
        self.id = Int32(truncatingIfNeeded: id)
        name = Array(stat[(open + 1)..<close])
        command = []
        self.parent = Int32(truncatingIfNeeded: parent)
        state = State(letter: letter)
    }

    /// The name and the number, such as "python3[4711]", escaped for a terminal.
    package var description: String { "\(shownName)[\(id)]" }

    /// The name, escaped for a terminal.
    package var shownName: String { name.isEmpty ? "?" : TerminalText.escaped(name) }

    /// Returns whether the process has the name that a user gave.
    ///
    /// The kernel truncates a process's name to 15 bytes, so a longer name matches if its first 15
    /// bytes match.
    package func isCalled(_ name: String) -> Bool {
        let wanted = Array(name.utf8)
        if !wanted.isEmpty, self.name == Array(wanted.prefix(15)) { return true }
        let base = command.split(separator: UInt8(ascii: "/")).last.map(Array.init)
        return base == wanted || command == wanted && !wanted.isEmpty
    }

    /// Returns the descriptors that refer to a socket, in ascending order.
    func descriptors(of inode: UInt32) -> [Int32] {
        (descriptors ?? [:]).filter { $0.value == .socket(inode: inode) }.keys.sorted()
    }
}

extension MachineProcess.State {
    init(letter: UInt8) {
        switch letter {
        case UInt8(ascii: "R"): self = .running
        case UInt8(ascii: "S"), UInt8(ascii: "I"): self = .sleeping
        case UInt8(ascii: "D"): self = .uninterruptible
        case UInt8(ascii: "T"): self = .stopped
        case UInt8(ascii: "t"): self = .traced
        case UInt8(ascii: "Z"), UInt8(ascii: "X"): self = .ended
        default: self = .unknown
        }
    }
}

extension MachineProcess.DescriptorTarget {
    /// Parses the target of a link in `/proc/PID/fd`, such as `socket:[4026]`.
    init?(link: [UInt8]) {
        func inode(after prefix: String) -> UInt32? {
            guard link.starts(with: prefix.utf8), link.last == UInt8(ascii: "]") else { return nil }
            return Decimal.value(of: link.dropFirst(prefix.utf8.count).dropLast(), maximum: .max)
        }
        if let inode = inode(after: "socket:[") {
            self = .socket(inode: inode)
        } else if let inode = inode(after: "pipe:[") {
            self = .pipe(inode: inode)
        } else if link.starts(with: "anon_inode:[eventfd]".utf8) {
            self = .eventfd
        } else if link.starts(with: "anon_inode:[eventpoll]".utf8) {
            self = .epoll
        } else {
            return nil
        }
    }
}

/// One thread of a process.
package struct MachineThread: Hashable, Sendable {
    package var id: Int32
    /// The system call in which the thread waits; nil if the thread runs, or if the call is hidden.
    package var call: BlockedCall?
    /// A number that changes whenever the thread runs; nil if the kernel keeps no counts.
    package var runCounter: UInt64?

    package init(
        id: Int32, call: BlockedCall? = nil, runCounter: UInt64? = nil
    ) {
        self.id = id
        self.call = call
        self.runCounter = runCounter
    }

    /// Parses `/proc/PID/task/TID/schedstat`, which contains the nanoseconds on a processor, the
    /// nanoseconds of waiting for a processor, and the number of time slices.
    ///
    /// The number of time slices alone is not enough, because it does not change while a thread has
    /// a processor to itself.
    static func runCounter(schedstat: [UInt8]) -> UInt64? {
        let line = schedstat.prefix { $0 != UInt8(ascii: "\n") }
        let fields = line.split(separator: UInt8(ascii: " "))
            .map { UInt64(String(decoding: $0, as: UTF8.self)) }
        guard fields.count >= 3, let time = fields[0], let slices = fields[2], slices > 0 else {
            return nil
        }
        return time &+ slices
    }
}
