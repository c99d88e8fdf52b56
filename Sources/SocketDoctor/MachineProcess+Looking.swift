internal import Sockets
internal import SystemPackage

// What `/proc` shows of programs. A program that ends while it is looked at is left out; what we may
// not see is nil.
extension MachineProcess {
    /// All programs that run, but for threads of the kernel, which have no descriptors.
    ///
    /// - Throws: if there is no `/proc`.
    static func all() throws(Errno) -> [MachineProcess] {
        try System.numbers(in: "/proc").sorted().compactMap { MachineProcess(lookingAt: $0) }
    }

    private static let kernelThreads: Int32 = 2

    private init?(lookingAt id: Int32) {
        guard let stat = try? System.contents(of: "/proc/\(id)/stat", atMost: 512) else {
            return nil
        }
        self.init(stat: stat)
        guard self.id == id, id != Self.kernelThreads, parent != Self.kernelThreads else {
            return nil
        }
        let line = (try? System.contents(of: "/proc/\(id)/cmdline", atMost: 256)) ?? []
        command = Array(line.prefix { $0 != 0 })
        descriptors = Self.descriptors(of: id)
    }

    private static func descriptors(of id: Int32) -> [Int32: Target]? {
        let path = "/proc/\(id)/fd"
        guard let numbers = try? System.numbers(in: path),
            let directory = try? System.openDirectory(path)
        else { return nil }
        defer { System.close(directory) }
        var found: [Int32: Target] = [:]
        for number in numbers {
            do throws(Errno) {
                found[number] = Target(link: try System.readlinkat(directory, number))
            } catch {
                // Some programs let us see their numbers, and not where they lead. One that was
                // closed meanwhile leads nowhere.
                if error == .permissionDenied || error == .notPermitted { return nil }
            }
        }
        return found
    }

    // MARK: Threads

    /// A program with more threads than this is not looked at in detail, for it would take long.
    private static let threadLimit = 512

    /// Looks at what the threads do.
    mutating func lookAtThreads() {
        (threads, turns) = (nil, nil)
        guard let ids = try? System.numbers(in: "/proc/\(id)/task"), ids.count <= Self.threadLimit
        else { return }
        let found = ids.sorted().map { MachineThread(id: $0, turns: turns(of: $0)) }
        turns = found.reduce(0) { sum, thread in
            sum.flatMap { sum in thread.turns.map { sum &+ $0 } }
        }
        guard state == .sleeping else { return }
        threads = try? found.map { thread in
            var thread = thread
            thread.call = try call(of: thread.id)
            return thread
        }
    }

    private func turns(of thread: Int32) -> UInt64? {
        (try? System.contents(of: "/proc/\(id)/task/\(thread)/schedstat", atMost: 128))
            .flatMap(MachineThread.turns(schedstat:))
    }

    /// Nil if the thread runs; fails if we may not see it.
    private func call(of thread: Int32) throws(Errno) -> BlockedCall? {
        let text = try System.contents(of: "/proc/\(id)/task/\(thread)/syscall", atMost: 256)
        var call = BlockedCall(syscall: text, name: System.nameOfCall)
        if let source = call?.source {
            call?.waiting = watched(source).map { .descriptors($0) } ?? .unknown
        }
        return call
    }

    /// The most descriptors that one call may watch for us to look at them all.
    private static let watchLimit = 4096

    /// Nil if we may not see them, or if there are too many.
    private func watched(_ source: DescriptorSource) -> [BlockedCall.Watched]? {
        do throws(Errno) {
            switch source {
            case .pollArray(let address, let count):
                guard (0...Self.watchLimit).contains(count) else { return nil }
                let bytes = try memory(address, count * 8)
                return BlockedCall.watched(pollArray: bytes)
            case .bitSets(let reading, let writing, let count):
                guard (0...Self.watchLimit).contains(count) else { return nil }
                // The kernel reads whole words.
                let size = (count + 63) / 64 * 8
                return BlockedCall.watched(
                    reading: reading == 0 ? [] : try memory(reading, size),
                    writing: writing == 0 ? [] : try memory(writing, size), count: count)
            case .watcher(let descriptor):
                let limit = Self.watchLimit * 80
                let text = try System.contents(
                    of: "/proc/\(id)/fdinfo/\(descriptor)", atMost: limit)
                return text.count < limit ? BlockedCall.watched(fdinfo: text) : nil
            }
        } catch {
            return nil
        }
    }

    private func memory(_ address: UInt64, _ count: Int) throws(Errno) -> [UInt8] {
        guard count > 0 else { return [] }
        let bytes = try System.memory(of: id, at: address, count: count)
        guard bytes.count == count else { throw .badAddress }
        return bytes
    }
}
