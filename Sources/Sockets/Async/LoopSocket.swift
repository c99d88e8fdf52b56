internal import SystemPackage

/// A socket that waits on an event loop: `Connection`, `PacketConnection`, `Listener`,
/// `DatagramChannel`.
protocol LoopSocket: DescriptorOwner {
    var source: EventSource { get }
    var localAddress: SocketAddress { get }

    /// The address of the peer for an error, or `nil` for a listener, which has no peer.
    var peerAddress: SocketAddress? { get }

    /// Throws an error if the socket has several descriptors.
    ///
    /// The default implementation throws nothing, because most sockets have only one descriptor.
    func requireOneDescriptor(for operation: SocketError.Operation) throws(SocketError)
}

extension LoopSocket {
    func requireOneDescriptor(for operation: SocketError.Operation) {}

    func didSetLinger() { source.linger.noteSet() }

    func didLendDescriptor() { source.noteShared() }

    func enter() -> Bool { source.enter() }

    func leave() { source.leave() }

    func call<Result>(
        _ operation: SocketError.Operation, _ subject: String?,
        _ body: (Int32) throws(Errno) -> Result
    ) throws(SocketError) -> Result {
        func failure(_ cause: SocketError.Cause) -> SocketError {
            SocketError(
                operation, cause, subject: subject, localAddress: localAddress,
                remoteAddress: peerAddress)
        }
        try requireOneDescriptor(for: operation)
        guard source.enter() else { throw failure(.closed) }
        defer { source.leave() }
        do throws(Errno) {
            return try body(source.descriptor)
        } catch {
            throw failure(.system(error))
        }
    }
}
