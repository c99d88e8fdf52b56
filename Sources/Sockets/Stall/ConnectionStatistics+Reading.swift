extension ConnectionStatistics {
    /// What the kernel tells of a stream socket now: eight system calls, which change nothing and
    /// do not wait.
    init(lookingAt descriptor: Int32) {
        self.init(takenAt: .nanoseconds(System.continuousNanoseconds()))
        if let info = System.tcpInfo(descriptor) { take(tcpInfo: info) }
        unread = System.queueLength(descriptor, .unread)
        // In this order, so that what is sent in between cannot make `unacknowledged` negative.
        unsent = System.queueLength(descriptor, .unsent) ?? unsent
        queued = System.queueLength(descriptor, .queued)
        sendBuffer = System.bufferLimit(descriptor, .sendBufferSize)
        receiveBuffer = System.bufferLimit(descriptor, .receiveBufferSize)
        if let condition = System.condition(descriptor) {
            isWritable = condition.contains(.writable)
            hasPeerEnded = condition.contains(.peerHasEnded)
            isHungUp = !condition.isDisjoint(with: [.hungUp, .broken])
        }
    }
}
