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
        if let local = (try? System.getsockname(descriptor)).map(SocketAddress.init),
            let remote = (try? System.getpeername(descriptor)).map(SocketAddress.init)
        {
            isPeerLocal = remote.ip?.isLoopback == true || local.ip != nil && local.ip == remote.ip
        }
        if let condition = System.condition(descriptor) {
            isWritable = condition.contains(.writable)
            hasPeerHalfClosed = condition.contains(.peerHasEnded)
            isHungUp = !condition.isDisjoint(with: [.hungUp, .broken])
        }
    }
}
