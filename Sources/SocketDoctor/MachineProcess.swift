internal import Sockets

/// A program that runs, as far as `/proc` shows it: proc(5).
package struct MachineProcess: Hashable, Sendable {
    /// What a descriptor leads to, where that matters to whoever waits for it.
    package enum Target: Hashable, Sendable {
        case socket(inode: UInt32)
        case pipe(inode: UInt32)
        /// A counter by which threads of one program wake each other.
        case event
        /// A descriptor that watches others.
        case watcher
    }

    /// Whether it gets to run: the letter that ps(1) shows.
    package enum State: Hashable, Sendable {
        case running, sleeping
        /// It waits for a disk or another device, and even SIGKILL does not wake it.
        case uninterruptible
        /// A signal has stopped it, and SIGCONT lets it go on.
        case stopped
        /// A debugger has.
        case traced
        /// It has ended, and its parent has not asked how.
        case ended
        case unknown
    }

    package var id: Int32
    /// What the program calls itself, up to 15 bytes, which need not be text.
    package var name: [UInt8]
    /// How it was called, as far as that is told: the path or name with which it was started.
    package var command: [UInt8]
    package var parent: Int32
    package var state: State
    /// By their numbers; nil if we may not see them.
    package var descriptors: [Int32: Target]?
    /// What its threads do; nil if nobody has looked or we may not see it.
    package var threads: [MachineThread]?
    /// A number that is another whenever one of its threads has run; nil where the kernel does not
    /// count. Everybody may see it.
    package var turns: UInt64?

    package init(
        id: Int32, name: String, parent: Int32 = 0, state: State = .sleeping,
        descriptors: [Int32: Target]? = [:], threads: [MachineThread]? = nil
    ) {
        self.id = id
        self.name = Array(name.utf8)
        command = []
        self.parent = parent
        self.state = state
        self.descriptors = descriptors
        self.threads = threads
    }

    /// Reads `/proc/PID/stat`: number, name in brackets, state, parent, and much more. The name may
    /// hold brackets and spaces itself, so the last bracket ends it.
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

    /// For people: "python3[4711]", whatever the name holds.
    package var description: String { "\(shownName)[\(id)]" }

    /// The name, fit for a terminal.
    package var shownName: String { name.isEmpty ? "?" : TerminalText.escaped(name) }

    /// Whether somebody who says `name` means this program. What the kernel keeps of a name is cut
    /// at 15 bytes.
    package func isCalled(_ name: String) -> Bool {
        let wanted = Array(name.utf8)
        if !wanted.isEmpty, self.name == Array(wanted.prefix(15)) { return true }
        let base = command.split(separator: UInt8(ascii: "/")).last.map(Array.init)
        return base == wanted || command == wanted && !wanted.isEmpty
    }

    /// The descriptors that lead to a socket.
    package func descriptors(of inode: UInt32) -> [Int32] {
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

extension MachineProcess.Target {
    /// Reads where a link of `/proc/PID/fd` leads: `socket:[4026]`.
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
            self = .event
        } else if link.starts(with: "anon_inode:[eventpoll]".utf8) {
            self = .watcher
        } else {
            return nil
        }
    }
}

/// One thread of a program.
package struct MachineThread: Hashable, Sendable {
    package var id: Int32
    /// The call it is in; nil if it runs, or if we may not see it.
    package var call: BlockedCall?
    /// A number that is another whenever it has run: as long as it is the same, the thread did nothing
    /// at all. Nil where the kernel does not count.
    package var turns: UInt64?

    package init(
        id: Int32, call: BlockedCall? = nil, turns: UInt64? = nil
    ) {
        self.id = id
        self.call = call
        self.turns = turns
    }

    /// Reads `/proc/PID/task/TID/schedstat`: nanoseconds on a processor, nanoseconds waiting for one,
    /// and turns.
    ///
    /// Turns alone are not enough: who has a processor for himself keeps it.
    static func turns(schedstat: [UInt8]) -> UInt64? {
        let line = schedstat.prefix { $0 != UInt8(ascii: "\n") }
        let fields = line.split(separator: UInt8(ascii: " "))
            .map { UInt64(String(decoding: $0, as: UTF8.self)) }
        guard fields.count >= 3, let time = fields[0], let turns = fields[2], turns > 0 else {
            return nil
        }
        return time &+ turns
    }
}
