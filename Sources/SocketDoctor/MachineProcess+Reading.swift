internal import Sockets
internal import SystemPackage

// Reads processes from `/proc`. A process that ends while it is read is left out. A value that is
// hidden from this user is nil.
extension MachineProcess {
    /// Returns all processes except the kernel's threads, which have no descriptors.
    ///
    /// - Throws: An error of the kernel if `/proc` cannot be read.
    static func all() throws(Errno) -> [MachineProcess] {
        try System.numbers(in: "/proc").sorted().compactMap { MachineProcess(reading: $0) }
    }

    private static let kernelThreads: Int32 = 2

    private init?(reading id: Int32) {
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

    private static func descriptors(of id: Int32) -> [Int32: DescriptorTarget]? {
        let path = "/proc/\(id)/fd"
        guard let numbers = try? System.numbers(in: path),
            let directory = try? System.openDirectory(path)
        else { return nil }
        defer { System.close(directory) }
        var found: [Int32: DescriptorTarget] = [:]
        for number in numbers {
            do throws(Errno) {
                found[number] = DescriptorTarget(link: try System.readlinkat(directory, number))
            } catch {
                // This user can list the descriptors of some processes but not read their targets,
                // so treat the descriptors as hidden. Any other error means that the descriptor was
                // closed in the meantime, so skip it.
                if error == .permissionDenied || error == .notPermitted { return nil }
            }
        }
        return found
    }

    /// Returns the user whom a process runs as, which is its effective user ID, or nil if the
    /// process has ended.
    static func user(of id: Int32) -> UInt32? {
        (try? System.contents(of: "/proc/\(id)/status", atMost: 4096)).flatMap(user(status:))
    }

    /// Parses `/proc/PID/status`, in which the second number of the line `Uid:` is the effective
    /// user ID.
    static func user(status: [UInt8]) -> UInt32? {
        let line = status.split(separator: UInt8(ascii: "\n")).first {
            $0.starts(with: "Uid:".utf8)
        }
        let words = line?.split(separator: UInt8(ascii: "\t")) ?? []
        return words.count > 2 ? Decimal.value(of: words[2], maximum: .max) : nil
    }

    // MARK: Threads

    /// The maximum number of threads that are read.
    ///
    /// A process with more threads is skipped, because reading them would take long.
    private static let threadLimit = 512

    /// Reads the threads, their system calls and their counters.
    mutating func readThreads() {
        (threads, runCounter) = (nil, nil)
        guard let ids = try? System.numbers(in: "/proc/\(id)/task"), ids.count <= Self.threadLimit
        else { return }
        let found = ids.sorted().map { MachineThread(id: $0, runCounter: runCounter(of: $0)) }
        runCounter = found.reduce(0) { sum, thread in
            sum.flatMap { sum in thread.runCounter.map { sum &+ $0 } }
        }
        guard state == .sleeping else { return }
        var waiting: [MachineThread] = []
        for var thread in found {
            do throws(Errno) {
                thread.call = try call(of: thread.id)
                waiting.append(thread)
            } catch {
                // A thread that has ended since the directory was read is left out. If one thread
                // is hidden, all threads are hidden.
                guard error == .noSuchFileOrDirectory || error == .noSuchProcess else { return }
            }
        }
        threads = waiting
    }

    private func runCounter(of thread: Int32) -> UInt64? {
        (try? System.contents(of: "/proc/\(id)/task/\(thread)/schedstat", atMost: 128))
            .flatMap(MachineThread.runCounter(schedstat:))
    }

    /// Returns the system call of a thread, or nil if the thread runs.
    ///
    /// Throws an error if the call is hidden from this user.
    private func call(of thread: Int32) throws(Errno) -> BlockedCall? {
        let text = try System.contents(of: "/proc/\(id)/task/\(thread)/syscall", atMost: 256)
        var call = BlockedCall(syscall: text, name: System.nameOfCall)
        if let source = call?.source {
            call?.wakeCondition = watched(source).map { .descriptors($0) } ?? .unknown
        }
        return call
    }

    /// The maximum number of descriptors that are read for one call; calls with more are skipped.
    private static let watchLimit = 4096

    /// Returns the descriptors of a call, or nil if they are hidden or too many.
    private func watched(_ source: DescriptorSource) -> [BlockedCall.WatchedDescriptor]? {
        do throws(Errno) {
            switch source {
            case .pollArray(let address, let count):
                guard (0...Self.watchLimit).contains(count) else { return nil }
                let bytes = try memory(address, count * 8)
                return BlockedCall.watched(pollArray: bytes)
            case .bitSets(let reading, let writing, let count):
                guard (0...Self.watchLimit).contains(count) else { return nil }
                // select(2) uses bit sets of whole 64-bit words, so round up.
                let size = (count + 63) / 64 * 8
                return BlockedCall.watched(
                    reading: reading == 0 ? [] : try memory(reading, size),
                    writing: writing == 0 ? [] : try memory(writing, size), count: count)
            case .epoll(let descriptor):
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
