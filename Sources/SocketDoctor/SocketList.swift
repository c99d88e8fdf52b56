internal import Sockets
internal import SystemPackage

/// One of the kernel's lists of sockets, read through netlink.
struct SocketList {
    var sockets: [MachineSocket]
    /// A Boolean value that indicates whether the list changed during each attempt to read it, so
    /// that an entry may be missing.
    var isInterrupted: Bool

    /// How long the kernel may take for one datagram of its answer.
    private static let datagramTimeout = Duration.seconds(2)
    /// How long the kernel may take for the whole list.
    private static let timeout = Duration.seconds(10)
    /// The size of the receive buffer, which is larger than any datagram of an answer (32 KB).
    private static let bufferSize = 64 << 10

    /// Reads a list, and reads it once more if it changed in the meantime.
    ///
    /// - Throws: The kernel's error, or `ETIMEDOUT` if the kernel does not answer in time.
    static func read(_ list: MachineSocket.List) throws(Errno) -> SocketList {
        let first = try readOnce(list)
        return first.isInterrupted ? try readOnce(list) : first
    }

    private static func readOnce(_ list: MachineSocket.List) throws(Errno) -> SocketList {
        let descriptor = try System.diagnosisSocket(
            timeoutMicroseconds: UInt64(datagramTimeout.components.seconds) * 1_000_000)
        defer { System.close(descriptor) }
        try System.send(descriptor, request: list.request)
        var answer = SocketList(sockets: [], isInterrupted: false)
        var buffer = [UInt8](repeating: 0, count: bufferSize)
        let start = now
        while now - start < timeout {
            let count: Int
            do throws(Errno) {
                count = try System.recv(descriptor, into: &buffer)
            } catch {
                throw error == .wouldBlock ? .timedOut : error
            }
            let part = MachineSocket.decode(
                buffer[..<min(count, buffer.count)], of: list.kind, at: now)
            answer.sockets += part.sockets
            answer.isInterrupted = answer.isInterrupted || part.isInterrupted
            switch part.end {
            case .complete: return answer
            case .failed(let number): throw Errno(rawValue: number)
            case nil: continue
            }
        }
        throw .timedOut
    }

    private static var now: Duration { .nanoseconds(System.continuousNanoseconds()) }
}
