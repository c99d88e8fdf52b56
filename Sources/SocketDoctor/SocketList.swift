internal import Sockets
internal import SystemPackage

/// The kernel's lists of sockets, asked for by netlink.
struct SocketList {
    var sockets: [MachineSocket]
    /// A list that changed while it was read, again and again: an entry may be missing.
    var isInterrupted: Bool

    /// How long the kernel may take for one datagram of its answer.
    private static let patience = Duration.seconds(2)
    /// How long it may take for all of them.
    private static let limit = Duration.seconds(10)
    /// The kernel makes datagrams of up to 32 KB, when it sees that there is room for them.
    private static let room = 64 << 10

    /// Asks for a list, and once more if it changed meanwhile.
    ///
    /// - Throws: what the kernel says; `ETIMEDOUT` if it says nothing.
    static func read(_ list: MachineSocket.List) throws(Errno) -> SocketList {
        let first = try readOnce(list)
        return first.isInterrupted ? try readOnce(list) : first
    }

    private static func readOnce(_ list: MachineSocket.List) throws(Errno) -> SocketList {
        let descriptor = try System.diagnosisSocket(
            limitMicroseconds: UInt64(patience.components.seconds) * 1_000_000)
        defer { System.close(descriptor) }
        try System.send(descriptor, request: list.request)
        var answer = SocketList(sockets: [], isInterrupted: false)
        var buffer = [UInt8](repeating: 0, count: room)
        let began = now
        while now - began < limit {
            let count: Int
            do throws(Errno) {
                count = try System.recv(descriptor, into: &buffer)
            } catch {
                throw error == .wouldBlock ? .timedOut : error
            }
            let part = MachineSocket.decode(buffer[..<min(count, buffer.count)], at: now)
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
