internal import Sockets

/// A system call in which a thread waits.
package struct BlockedCall: Hashable, Sendable {
    /// What a descriptor is waited for.
    package enum Wish: Hashable, Sendable {
        case reading, writing, accepting, connecting
    }

    /// One descriptor, and what for.
    package struct Watched: Hashable, Sendable {
        package var descriptor: Int32
        package var wish: Wish

        package init(_ descriptor: Int32, _ wish: Wish) {
            self.descriptor = descriptor
            self.wish = wish
        }
    }

    /// What ends the wait.
    package enum Waiting: Hashable, Sendable {
        /// Any of these.
        case descriptors([Watched])
        /// A time that comes by itself.
        case time
        /// Another thread of the same program.
        case thread
        /// The end of a child: this one, or any.
        case child(Int32?)
        /// A signal.
        case signal
        /// Nobody can tell.
        case unknown
    }

    /// As its manual page calls it: "recvfrom".
    package var name: String
    package var waiting: Waiting
    /// Whether the call ends by itself after some time.
    package var hasLimit: Bool
    /// What the kernel shows of it: the same call in the same place shows the same.
    package var trace: [UInt64]

    package init(
        _ name: String, _ waiting: Waiting, hasLimit: Bool = false, trace: [UInt64] = []
    ) {
        self.name = name
        self.waiting = waiting
        self.hasLimit = hasLimit
        self.trace = trace
    }
}

/// Where the descriptors of a call stand that watches several: only the program itself, or the
/// kernel, can tell.
enum DescriptorSource: Equatable {
    /// In the program's memory: an array of `struct pollfd`.
    case pollArray(address: UInt64, count: Int)
    /// In the program's memory: sets of bits, of which any may be missing.
    case bitSets(reading: UInt64, writing: UInt64, count: Int)
    /// In the kernel: `/proc/PID/fdinfo` of this descriptor.
    case watcher(Int32)
}

extension BlockedCall {
    /// Reads `/proc/PID/task/TID/syscall`: the number, six arguments, the stack, the place; nil for a
    /// thread that runs, and for one that waits for something else than a call.
    ///
    /// - Parameter name: what a number means on this machine.
    init?(syscall: [UInt8], name: (Int) -> String?) {
        let line = syscall.prefix { $0 != UInt8(ascii: "\n") }
        let fields = line.split(separator: UInt8(ascii: " "))
        guard let first = fields.first, let number = Decimal.value(of: first, maximum: 1 << 20)
        else { return nil }
        trace = fields.dropFirst().compactMap(Self.hexadecimal)
        guard trace.count >= 6 else { return nil }
        let known = name(Int(number))
        self.name = known ?? "system call \(number)"
        (waiting, hasLimit) = Self.meaning(of: known ?? "", trace)
    }

    /// Where the descriptors stand; nil for calls whose arguments say all.
    var source: DescriptorSource? {
        guard trace.count >= 6 else { return nil }
        switch name {
        case "poll", "ppoll":
            return .pollArray(address: trace[0], count: Int(clamping: trace[1]))
        case "select", "pselect6":
            return .bitSets(
                reading: trace[1], writing: trace[2], count: Int(clamping: trace[0]))
        case "epoll_wait", "epoll_pwait", "epoll_pwait2":
            return .watcher(Int32(truncatingIfNeeded: trace[0]))
        default:
            return nil
        }
    }

    private static func meaning(
        of name: String, _ arguments: [UInt64]
    ) -> (Waiting, hasLimit: Bool) {
        func descriptor(_ index: Int, _ wish: Wish) -> Watched {
            Watched(Int32(truncatingIfNeeded: arguments[index]), wish)
        }
        switch name {
        case "read", "readv", "recvfrom", "recvmsg":
            return (.descriptors([descriptor(0, .reading)]), false)
        case "recvmmsg":
            return (.descriptors([descriptor(0, .reading)]), arguments[4] != 0)
        case "write", "writev", "sendto", "sendmsg", "sendmmsg":
            return (.descriptors([descriptor(0, .writing)]), false)
        case "sendfile":
            return (.descriptors([descriptor(0, .writing), descriptor(1, .reading)]), false)
        case "splice":
            return (.descriptors([descriptor(2, .writing), descriptor(0, .reading)]), false)
        case "accept", "accept4":
            return (.descriptors([descriptor(0, .accepting)]), false)
        case "connect":
            return (.descriptors([descriptor(0, .connecting)]), false)
        case "poll", "epoll_wait", "epoll_pwait":
            let index = name == "poll" ? 2 : 3
            return (.unknown, Int32(truncatingIfNeeded: arguments[index]) >= 0)
        case "ppoll":
            return (.unknown, arguments[2] != 0)
        case "epoll_pwait2":
            return (.unknown, arguments[3] != 0)
        case "select", "pselect6":
            return (.unknown, arguments[4] != 0)
        case "futex":
            return (isWithinProgram(arguments) ? .thread : .unknown, arguments[3] != 0)
        case "wait4":
            let child = Int32(truncatingIfNeeded: arguments[0])
            return (.child(child > 0 ? child : nil), false)
        case "waitid":
            // The first argument says what the second is: 1 is a process.
            return (
                .child(arguments[0] == 1 ? Int32(truncatingIfNeeded: arguments[1]) : nil), false
            )
        case "nanosleep", "clock_nanosleep":
            return (.time, true)
        case "rt_sigtimedwait":
            return (.signal, arguments[2] != 0)
        case "rt_sigsuspend", "pause":
            return (.signal, false)
        default:
            return (.unknown, false)
        }
    }

    /// Whether a futex(2) is shared with no other program (`FUTEX_PRIVATE_FLAG`), and is waited for:
    /// the operations 0, 6, 9 and 13.
    private static func isWithinProgram(_ arguments: [UInt64]) -> Bool {
        let operation = arguments[1]
        return operation & 128 != 0 && [0, 6, 9, 13].contains(operation & 127)
    }

    private static func hexadecimal(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard text.starts(with: "0x".utf8) else { return nil }
        return UInt64(String(decoding: text.dropFirst(2), as: UTF8.self), radix: 16)
    }
}

// MARK: Several descriptors

extension BlockedCall {
    /// Reads an array of `struct pollfd`: 4 bytes of descriptor, 2 of events, 2 of results.
    static func watched(pollArray bytes: [UInt8]) -> [Watched] {
        stride(from: 0, to: bytes.count - 7, by: 8).flatMap { start -> [Watched] in
            let entry = bytes[start..<start + 8]
            guard let word = entry.word(at: 0), let events = entry.half(at: 4) else { return [] }
            let descriptor = Int32(bitPattern: word)
            // poll(2) passes over negative ones.
            return descriptor < 0 ? [] : watched(descriptor, UInt32(events))
        }
    }

    /// Reads what `/proc/PID/fdinfo` shows of an epoll(7) descriptor: lines like
    /// `tfd:        5 events:       19 data: …`.
    static func watched(fdinfo text: [UInt8]) -> [Watched] {
        text.split(separator: UInt8(ascii: "\n")).flatMap { line -> [Watched] in
            let words = line.split(separator: UInt8(ascii: " "))
            guard words.count >= 4, words[0].elementsEqual("tfd:".utf8),
                let descriptor = Decimal.value(of: words[1], maximum: UInt32(Int32.max)),
                words[2].elementsEqual("events:".utf8),
                let events = UInt32(String(decoding: words[3], as: UTF8.self), radix: 16)
            else { return [] }
            return watched(Int32(descriptor), events)
        }
    }

    /// Reads two sets of bits, as select(2) takes them.
    static func watched(reading: [UInt8], writing: [UInt8], count: Int) -> [Watched] {
        func members(_ bits: [UInt8], _ wish: Wish) -> [Watched] {
            (0..<min(count, bits.count * 8)).filter { bits[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
                .map { Watched(Int32($0), wish) }
        }
        return members(reading, .reading) + members(writing, .writing)
    }

    /// `POLLIN`, `POLLRDNORM`, `POLLRDHUP` and `POLLOUT`, `POLLWRNORM`, which epoll calls by other
    /// names.
    private static func watched(_ descriptor: Int32, _ events: UInt32) -> [Watched] {
        var all: [Watched] = []
        if events & (0x1 | 0x40 | 0x2000) != 0 { all.append(Watched(descriptor, .reading)) }
        if events & (0x4 | 0x100) != 0 { all.append(Watched(descriptor, .writing)) }
        return all
    }
}
