internal import Sockets

/// A system call in which a thread waits.
package struct BlockedCall: Hashable, Sendable {
    /// The event that a thread waits for on a descriptor.
    package enum Interest: Hashable, Sendable {
        case reading, writing, accepting, connecting
    }

    /// One descriptor and the event that a thread waits for.
    package struct WatchedDescriptor: Hashable, Sendable {
        package var descriptor: Int32
        package var interest: Interest

        package init(_ descriptor: Int32, _ interest: Interest) {
            self.descriptor = descriptor
            self.interest = interest
        }
    }

    /// The condition that ends a wait.
    package enum WakeCondition: Hashable, Sendable {
        /// An event on any of these descriptors.
        case descriptors([WatchedDescriptor])
        /// A point in time.
        case time
        /// Another thread of the same process.
        case thread
        /// The exit of the child with this process ID, or of any child if the ID is nil.
        case child(Int32?)
        /// A signal.
        case signal
        /// The condition cannot be determined.
        case unknown
    }

    /// The name of the call's manual page, such as "recvfrom"; "system call N" if the number N is
    /// unknown.
    package var name: String
    package var wakeCondition: WakeCondition
    /// A Boolean value that indicates whether the call has a timeout.
    package var hasTimeout: Bool
    /// The arguments, the stack pointer and the program counter.
    ///
    /// They are equal in two samples if the thread is still in the same call.
    package var registers: [UInt64]

    package init(
        _ name: String, _ wakeCondition: WakeCondition, hasTimeout: Bool = false,
        registers: [UInt64] = []
    ) {
        self.name = name
        self.wakeCondition = wakeCondition
        self.hasTimeout = hasTimeout
        self.registers = registers
    }
}

/// The location of the descriptors of a call that watches several descriptors.
enum DescriptorSource: Equatable {
    /// An array of `struct pollfd` in the memory of the process.
    case pollArray(address: UInt64, count: Int)
    /// Two bit sets in the memory of the process; an address of 0 means that the set is missing.
    case bitSets(reading: UInt64, writing: UInt64, count: Int)
    /// The list that the kernel shows in `/proc/PID/fdinfo` for this epoll descriptor.
    case epoll(Int32)
}

extension BlockedCall {
    /// Parses `/proc/PID/task/TID/syscall`, which contains the number of a call, six arguments, the
    /// stack pointer and the program counter.
    ///
    /// Returns nil if the thread runs, or if it waits outside a system call.
    ///
    /// - Parameters:
    ///   - syscall: The content of the file.
    ///   - name: A function that returns the name of a system call by its number on this machine.
    init?(syscall: [UInt8], name: (Int) -> String?) {
        let line = syscall.prefix { $0 != UInt8(ascii: "\n") }
        let fields = line.split(separator: UInt8(ascii: " "))
        guard let first = fields.first, let number = Decimal.value(of: first, maximum: 1 << 20)
        else { return nil }
        registers = fields.dropFirst().compactMap(Self.hexadecimal)
        guard registers.count >= 6 else { return nil }
        let known = name(Int(number))
        self.name = known ?? "system call \(number)"
        (wakeCondition, hasTimeout) = Self.meaning(of: known ?? "", registers)
    }

    /// The location of the watched descriptors; nil for calls that do not watch several
    /// descriptors.
    var source: DescriptorSource? {
        guard registers.count >= 6 else { return nil }
        switch name {
        case "poll", "ppoll":
            return .pollArray(address: registers[0], count: Int(clamping: registers[1]))
        case "select", "pselect6":
            return .bitSets(
                reading: registers[1], writing: registers[2], count: Int(clamping: registers[0]))
        case "epoll_wait", "epoll_pwait", "epoll_pwait2":
            return .epoll(Int32(truncatingIfNeeded: registers[0]))
        default:
            return nil
        }
    }

    private static func meaning(
        of name: String, _ arguments: [UInt64]
    ) -> (WakeCondition, hasTimeout: Bool) {
        func descriptor(_ index: Int, _ interest: Interest) -> WatchedDescriptor {
            WatchedDescriptor(Int32(truncatingIfNeeded: arguments[index]), interest)
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
            return (isPrivateWait(arguments) ? .thread : .unknown, arguments[3] != 0)
        case "wait4":
            let child = Int32(truncatingIfNeeded: arguments[0])
            return (.child(child > 0 ? child : nil), false)
        case "waitid":
            // The first argument is the type of the second argument. Type 1 is a process ID.
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

    /// Returns whether a futex(2) call waits (operation 0, 6, 9 or 13) on a futex that only this
    /// process uses (`FUTEX_PRIVATE_FLAG`).
    private static func isPrivateWait(_ arguments: [UInt64]) -> Bool {
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
    /// Parses an array of `struct pollfd`, each with 4 bytes of descriptor, 2 of events and 2 of
    /// results.
    static func watched(pollArray bytes: [UInt8]) -> [WatchedDescriptor] {
        stride(from: 0, to: bytes.count - 7, by: 8).flatMap { start -> [WatchedDescriptor] in
            let entry = bytes[start..<start + 8]
            guard let word = entry.word(at: 0), let events = entry.half(at: 4) else { return [] }
            let descriptor = Int32(bitPattern: word)
            // poll(2) ignores negative descriptors.
            return descriptor < 0 ? [] : watched(descriptor, UInt32(events))
        }
    }

    /// Parses the `/proc/PID/fdinfo` of an epoll(7) descriptor, which has lines such as
    /// `tfd:        5 events:       19 data: …`.
    static func watched(fdinfo text: [UInt8]) -> [WatchedDescriptor] {
        text.split(separator: UInt8(ascii: "\n")).flatMap { line -> [WatchedDescriptor] in
            let words = line.split(separator: UInt8(ascii: " "))
            guard words.count >= 4, words[0].elementsEqual("tfd:".utf8),
                let descriptor = Decimal.value(of: words[1], maximum: UInt32(Int32.max)),
                words[2].elementsEqual("events:".utf8),
                let events = UInt32(String(decoding: words[3], as: UTF8.self), radix: 16)
            else { return [] }
            return watched(Int32(descriptor), events)
        }
    }

    /// Parses the two bit sets of a select(2) call.
    static func watched(reading: [UInt8], writing: [UInt8], count: Int) -> [WatchedDescriptor] {
        func members(_ bits: [UInt8], _ interest: Interest) -> [WatchedDescriptor] {
            (0..<min(count, bits.count * 8)).filter { bits[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
                .map { WatchedDescriptor(Int32($0), interest) }
        }
        return members(reading, .reading) + members(writing, .writing)
    }

    /// Decodes the events of poll(2), which have the same values in epoll(7).
    ///
    /// `POLLIN`, `POLLRDNORM` and `POLLRDHUP` are events for reading, and `POLLOUT` and
    /// `POLLWRNORM` for writing.
    private static func watched(_ descriptor: Int32, _ events: UInt32) -> [WatchedDescriptor] {
        var all: [WatchedDescriptor] = []
        if events & (0x1 | 0x40 | 0x2000) != 0 {
            all.append(WatchedDescriptor(descriptor, .reading))
        }
        if events & (0x4 | 0x100) != 0 { all.append(WatchedDescriptor(descriptor, .writing)) }
        return all
    }
}
