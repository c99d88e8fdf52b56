import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Blocked system calls")
struct BlockedCallTests {
    private static let none: UInt64 = 0
    private static let minusOne = UInt64.max

    /// Returns the call with a name and its first arguments, where all other arguments are 0.
    private func call(_ name: String, _ arguments: UInt64...) throws -> BlockedCall {
        let all = arguments + [UInt64](repeating: 0, count: 6 - arguments.count) + [0x7FFC, 0x7F79]
        let line = (["45"] + all.map { "0x" + String($0, radix: 16) }).joined(separator: " ") + "\n"
        return try #require(
            BlockedCall(syscall: Array(line.utf8)) { $0 == 45 ? name : nil })
    }

    @Test("a line of /proc is parsed into a call with its registers")
    func line() throws {
        let line = "45 0x5 0x7f39c8499d60 0xa 0x0 0x0 0x0 0x7ffe25050f38 0x7f39c8cc4929\n"
        let call = try #require(
            BlockedCall(syscall: Array(line.utf8)) { _ in "recvfrom" })
        #expect(call.name == "recvfrom")
        #expect(call.wakeCondition == .descriptors([.init(5, .reading)]))
        #expect(call.registers.count == 8)
        #expect(!call.hasTimeout)
    }

    @Test(
        "a line that is malformed or shows no system call is parsed as nil",
        arguments: [
            "running\n", "-1 0x7ffe 0x7f39\n", "", "45\n", "45 0x5\n", "x y\n", "0x1 0x2\n",
        ])
    func none(text: String) {
        #expect(BlockedCall(syscall: Array(text.utf8)) { _ in "read" } == nil)
    }

    @Test("an unknown call is named by its number and has an unknown wake condition")
    func unknown() throws {
        let line = "999 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n"
        let call = try #require(BlockedCall(syscall: Array(line.utf8)) { _ in nil })
        #expect(call.name == "system call 999")
        #expect(call.wakeCondition == .unknown)
    }

    @Test(
        "a call that reads or writes waits for one descriptor",
        arguments: [
            ("read", BlockedCall.Interest.reading), ("readv", .reading), ("recvmsg", .reading),
            ("write", .writing), ("writev", .writing), ("sendto", .writing), ("sendmsg", .writing),
            ("accept", .accepting), ("accept4", .accepting), ("connect", .connecting),
        ])
    func one(name: String, wish: BlockedCall.Interest) throws {
        #expect(try call(name, 7).wakeCondition == .descriptors([.init(7, wish)]))
    }

    @Test("a call that copies between two descriptors waits for either descriptor")
    func two() throws {
        #expect(
            try call("sendfile", 7, 8).wakeCondition
                == .descriptors([.init(7, .writing), .init(8, .reading)]))
        #expect(
            try call("splice", 7, 0, 8).wakeCondition
                == .descriptors([.init(8, .writing), .init(7, .reading)]))
    }

    @Test("hasTimeout is true only for calls with a time limit")
    func limits() throws {
        #expect(try call("poll", 1, 1, 0xFFFF_FFFF).hasTimeout == false)
        #expect(try call("poll", 1, 1, Self.minusOne).hasTimeout == false)
        #expect(try call("poll", 1, 1, 0).hasTimeout)
        #expect(try call("poll", 1, 1, 5000).hasTimeout)
        #expect(try call("ppoll", 1, 1, 0).hasTimeout == false)
        #expect(try call("ppoll", 1, 1, 0x7FFC).hasTimeout)
        #expect(try call("epoll_wait", 4, 1, 9, 0xFFFF_FFFF).hasTimeout == false)
        #expect(try call("epoll_pwait", 4, 1, 9, 10).hasTimeout)
        #expect(try call("epoll_pwait2", 4, 1, 9, 0).hasTimeout == false)
        #expect(try call("select", 4, 1, 0, 0, 0).hasTimeout == false)
        #expect(try call("pselect6", 4, 1, 0, 0, 0x7FFC).hasTimeout)
        #expect(try call("recvmmsg", 4, 1, 1, 0, 0x7FFC).hasTimeout)
        #expect(try call("nanosleep").hasTimeout)
    }

    @Test("a private futex wait has the wake condition `thread`, and other futex calls `unknown`")
    func locks() throws {
        #expect(try call("futex", 0x7000, 128).wakeCondition == .thread)
        #expect(try call("futex", 0x7000, 128 | 9 | 256).wakeCondition == .thread)
        #expect(try call("futex", 0x7000, 0).wakeCondition == .unknown)
        #expect(try call("futex", 0x7000, 128 | 1).wakeCondition == .unknown)
        #expect(try call("futex", 0x7000, 128, 2, 0x7FFC).hasTimeout)
    }

    @Test("a call that waits for a child, a signal or time has the matching wake condition")
    func others() throws {
        #expect(try call("wait4", 0xFFFF_FFFF).wakeCondition == .child(nil))
        #expect(try call("wait4", 55).wakeCondition == .child(55))
        #expect(try call("waitid", 1, 55).wakeCondition == .child(55))
        #expect(try call("waitid", 0, 0).wakeCondition == .child(nil))
        #expect(try call("clock_nanosleep").wakeCondition == .time)
        #expect(try call("rt_sigtimedwait", 1, 0, 0).wakeCondition == .signal)
        #expect(try call("pause").wakeCondition == .signal)
    }

    @Test("BlockedCall.source locates the descriptor lists of poll, select and epoll_wait")
    func sources() throws {
        #expect(try call("poll", 0x7000, 3).source == .pollArray(address: 0x7000, count: 3))
        #expect(
            try call("select", 9, 0x7000, 0x8000).source
                == .bitSets(reading: 0x7000, writing: 0x8000, count: 9))
        #expect(try call("epoll_wait", 5).source == .epoll(5))
        #expect(try call("read", 5).source == nil)
        // An impossible count must not trap.
        #expect(try call("poll", 1, Self.minusOne).source == .pollArray(address: 1, count: .max))
    }

    @Test("parsing a poll(2) array skips negative descriptors and entries without events")
    func pollArray() {
        var bytes: [UInt8] = []
        for (descriptor, events) in [(5, 1), (-1, 1), (6, 4), (7, 5), (8, 0), (9, 0x2000)] {
            bytes.append(word: UInt32(bitPattern: Int32(descriptor)))
            bytes.append(half: UInt16(events))
            bytes.append(half: 0)
        }
        #expect(
            BlockedCall.watched(pollArray: bytes + [1, 2, 3]) == [
                .init(5, .reading), .init(6, .writing), .init(7, .reading), .init(7, .writing),
                .init(9, .reading),
            ])
        #expect(BlockedCall.watched(pollArray: []).isEmpty)
    }

    @Test("parsing fdinfo returns the descriptors of an epoll instance and skips malformed lines")
    func fdinfo() {
        let text = """
            pos:	0
            flags:	02000002
            tfd:        5 events:       19 data: 7f00  pos:0 ino:61 sdev:9
            tfd:        6 events: 80002004 data: 0  pos:0 ino:61 sdev:9
            tfd:        x events:       19 data: 0
            tfd:        7

            """
        #expect(
            BlockedCall.watched(fdinfo: Array(text.utf8)) == [
                .init(5, .reading), .init(6, .reading), .init(6, .writing),
            ])
    }

    @Test("select(2) bit sets are parsed up to the descriptor count")
    func bitSets() {
        #expect(
            BlockedCall.watched(reading: [0b0010_1000, 1], writing: [1], count: 9) == [
                .init(3, .reading), .init(5, .reading), .init(8, .reading), .init(0, .writing),
            ])
        #expect(BlockedCall.watched(reading: [0xFF], writing: [], count: 2).count == 2)
        #expect(BlockedCall.watched(reading: [], writing: [], count: 64).isEmpty)
    }
}
