import Glibc
import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Reading /proc")
struct ProcessCallsTests {
    @Test("numbers(in:) lists the numeric names in a directory")
    func numbers() throws {
        let socket = try RawSockets.bound(.stream)
        #expect(try System.numbers(in: "/proc/self/fd").contains(socket.number))
        #expect(try System.numbers(in: "/proc").contains(getpid()))
        #expect(throws: Errno.noSuchFileOrDirectory) { try System.numbers(in: "/proc/nowhere") }
    }

    @Test("contents(of:atMost:) reads a file up to the limit")
    func contents() throws {
        let whole = try System.contents(of: "/proc/self/stat", atMost: 4096)
        #expect(String(decoding: whole, as: UTF8.self).hasPrefix("\(getpid()) ("))
        #expect(try System.contents(of: "/proc/self/stat", atMost: 3) == Array(whole.prefix(3)))
        #expect(
            try System.contents(of: "/proc/sys/kernel/ostype", atMost: 64) == Array("Linux\n".utf8))
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try System.contents(of: "/proc/self/nothing", atMost: 9)
        }
    }

    @Test("readlinkat returns the link of a socket descriptor")
    func link() throws {
        let socket = try RawSockets.bound(.stream)
        let directory = Descriptor(try System.openDirectory("/proc/self/fd"))
        let link = try System.readlinkat(directory.number, socket.number)
        let words = String(decoding: link, as: UTF8.self)
        #expect(words.hasPrefix("socket:[") && words.hasSuffix("]"))
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try System.readlinkat(directory.number, 1_000_000)
        }
    }

    @Test("reading memory succeeds at a valid address and throws at an invalid address")
    func memory() throws {
        let bytes: [UInt8] = [1, 2, 3, 4]
        let copy = try bytes.withUnsafeBytes { bytes in
            try System.memory(
                of: getpid(), at: UInt64(UInt(bitPattern: bytes.baseAddress)), count: 4)
        }
        #expect(copy == bytes)
        #expect(throws: Errno.badAddress) {
            try System.memory(of: getpid(), at: 8, count: 4)
        }
    }

    @Test("reading memory stops at the end of the mapping")
    func memoryEnds() throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let place = try #require(mmap(nil, 2 * page, PROT_READ | PROT_WRITE, flags, -1, 0))
        memset(place, 7, page)
        munmap(place + page, page)
        defer { munmap(place, page) }
        let bytes = try System.memory(
            of: getpid(), at: UInt64(UInt(bitPattern: place)) + 10, count: 2 * page - 10)
        #expect(bytes == [UInt8](repeating: 7, count: page - 10))
    }

    @Test("nameOfCall returns the names of blocking system calls, and nil for other calls")
    func calls() {
        let names = Set((0..<600).compactMap { System.nameOfCall($0) })
        let some: Set = ["read", "recvfrom", "sendto", "ppoll", "epoll_pwait", "futex", "accept4"]
        #expect(names.isSuperset(of: some))
        #expect(!names.contains("getpid"))
        #expect(System.nameOfCall(-1) == nil)
    }
}
