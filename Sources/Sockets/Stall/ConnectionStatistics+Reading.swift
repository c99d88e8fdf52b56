extension ConnectionStatistics {
    /// Reads the kernel's current statistics of a stream socket, with nine system calls that have
    /// no side effects and do not wait.
    init(reading descriptor: Int32) {
        self.init(takenAt: .nanoseconds(System.continuousNanoseconds()))
        if let info = System.tcpInfo(descriptor) { apply(tcpInfo: info) }
        receiveQueue = System.queueLength(descriptor, .receiveQueue)
        // Read `notSent` before `sendQueue`, so that bytes written in between cannot make
        // `unacknowledgedBytes` negative.
        notSent = System.queueLength(descriptor, .notSent) ?? notSent
        sendQueue = System.queueLength(descriptor, .sendQueue)
        sendBufferSize = System.bufferLimit(descriptor, .sendBufferSize)
        receiveBufferSize = System.bufferLimit(descriptor, .receiveBufferSize)
        // The addresses are unknown under a simulated kernel in tests, so ignore errors.
        if let local = try? SocketAddress(System.getsockname(descriptor, fromUser: true)),
            let remote = try? SocketAddress(System.getpeername(descriptor, fromUser: true))
        {
            isPeerLocal = remote.ip?.isLoopback ?? true || local.ip == remote.ip
        }
        if let condition = System.condition(descriptor) {
            isWritable = condition.contains(.writable)
            hasPeerHalfClosed = condition.contains(.peerHasEnded)
            isHungUp = !condition.isDisjoint(with: [.hungUp, .broken])
        }
    }
}
