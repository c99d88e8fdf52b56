import Dispatch
import Glibc
@testable import Sockets
import Synchronization
import Testing

/// Sockets on the loopback interface, on ports that the kernel chooses.
enum Loopback {
    static let ipv4 = SocketAddress.ipv4(.loopback, port: 0)

    /// Returns both ends of a TCP connection.
    static func tcpPair() throws -> (client: Socket, server: Socket) {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: listener.localAddress)
        return (client, try listener.accept(timeout: .seconds(10)))
    }

    /// Returns both ends of a TCP connection or of a Unix stream.
    static func streamPair(overTCP: Bool) throws -> (Socket, Socket) {
        try overTCP ? tcpPair() : Socket.pair()
    }

    /// Returns a bound UDP socket.
    static func udp() throws -> Socket {
        let socket = try Socket(.ipv4, .datagram)
        try socket.bind(on: ipv4)
        return socket
    }

    /// Returns the address of a TCP port on 127.0.0.1 without a listener, reserved while the holder
    /// lives.
    static func refusingPort() throws -> (holder: Socket, address: SocketAddress) {
        let holder = try Socket(.ipv4, .stream)
        try holder.bind(on: ipv4)
        return (holder, holder.localAddress)
    }

    /// Sends until the kernel accepts no more bytes, and returns the number of sent bytes.
    static func fill(_ socket: Socket) throws(SocketError) -> Int {
        let block = [UInt8](repeating: 0x61, count: 65536)
        var sent = 0
        while true {
            do throws(SocketError) {
                sent += try socket.send(block, timeout: .milliseconds(20))
            } catch {
                guard error.isTimeout else { throw error }
                return sent
            }
        }
    }

    /// Returns a path for a Unix socket that no other test uses.
    static func unixPath() -> String {
        let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
        return "/tmp/swift-sockets-\(getpid())-\(number)"
    }

    private static let counter = Atomic<Int>(0)
}

/// Waits until a thread of this process sleeps inside a system call on the socket's descriptor.
///
/// No event reports this state, but `/proc/PID/task/TID/syscall` contains the call and its
/// arguments.
func waitUntilAThreadWaits(on socket: Socket) throws {
    let descriptor = socket.descriptor
    let argument = "0x" + String(descriptor, radix: 16)
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
        for task in entries(of: "/proc/self/task") {
            let words = contents(of: "/proc/self/task/\(task)/syscall").split(separator: " ")
            // "running", or the number and six arguments. poll's first argument is a pointer.
            guard words.count > 2 else { continue }
            if words[1] == argument { return }
            if words[0] == "7", polledDescriptor(at: words[1]) == descriptor { return }
        }
        sched_yield()
    }
    Issue.record("no thread waits on descriptor \(descriptor)")
}

/// Returns the first descriptor of a list that a thread has passed to poll(2).
///
/// The list belongs to another thread, which may have left the call. So the kernel reads it,
/// because the kernel checks whether the memory still exists.
private func polledDescriptor(at pointer: Substring) -> Int32? {
    guard let address = off_t(pointer.dropFirst(2), radix: 16) else { return nil }
    let memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
    defer { close(memory) }
    var descriptor: Int32 = -1
    return pread(memory, &descriptor, 4, address) == 4 ? descriptor : nil
}

/// Starts the loops of the library and of the runtime.
///
/// Call it before descriptors are counted, because the loops open some descriptors when they start.
func startLoops() async {
    _ = LoopGroup.shared
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(1)) {
            continuation.resume()
        }
    }
}

/// Returns the number of open descriptors of this process, without the runtime's timers.
func openDescriptors() -> Int { targetsOfOpenDescriptors().count }

/// Returns the targets of this process's open descriptors, without the runtime's timers.
///
/// These can appear at any time, and the library has none.
func targetsOfOpenDescriptors() -> [String] {
    targetsOfDescriptors().filter { !$0.hasPrefix("anon_inode:[timerfd") }
}

/// Returns the number of open sockets of this process.
///
/// Only the library opens sockets.
func openSockets() -> Int {
    targetsOfDescriptors().count { $0.hasPrefix("socket:") }
}

/// Returns the targets of this process's descriptors, as `ls -l /proc/self/fd` shows them, without
/// the descriptor of that directory.
private func targetsOfDescriptors() -> [String] {
    guard let stream = opendir("/proc/self/fd") else { return [] }
    defer { closedir(stream) }
    let own = dirfd(stream)
    return names(in: stream).filter { $0 != "\(own)" }.map { descriptor in
        var target = [CChar](repeating: 0, count: 64)
        readlinkat(own, descriptor, &target, target.count - 1)
        let bytes = target.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        return String(decoding: bytes, as: UTF8.self)
    }
}

func entries(of directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    return names(in: stream)
}

private func names(in stream: OpaquePointer) -> [String] {
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

private func contents(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, 256, file) != nil else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
