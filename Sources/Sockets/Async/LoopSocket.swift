internal import SystemPackage

/// A socket that waits on an event loop: `Connection`, `PacketConnection`, `Listener`,
/// `DatagramChannel`.
protocol LoopSocket: DescriptorOwner {
    var source: EventSource { get }
    var localAddress: SocketAddress { get }

    /// The address of the peer for an error, or `nil` for a listener, which has no peer.
    var peerAddress: SocketAddress? { get }

    func close()

    /// Throws an error if the socket has several descriptors.
    ///
    /// The default implementation throws nothing, because most sockets have only one descriptor.
    func requireOneDescriptor(for operation: SocketError.Operation) throws(SocketError)
}

extension LoopSocket {
    func requireOneDescriptor(for operation: SocketError.Operation) {}

    /// Calls `body`, and closes the socket when `body` has ended or when the task is cancelled; see
    /// ``EventSource/close(isConnection:)`` for `isConnection`.
    ///
    /// As in `serve`, one cancellation handler covers all waits of the task. Unlike `serve`, this
    /// method does not wait for EOF from the peer. A server needs that wait, because a client that
    /// is still sending could otherwise lose the answer. A client that has read its reply needs
    /// nothing more from the peer.
    ///
    /// The scopes that call this method throw `any Error`, because they throw both the errors of
    /// the library and the errors of the program's closure. `withTimeLimit` adds no error of its
    /// own, so it has typed throws.
    func closing<Success>(
        isConnection: Bool = true, after body: (Self) async throws -> Success
    ) async rethrows -> Success {
        defer { close() }
        return try await source.withCancellationScope(closing: true, isConnection: isConnection) {
            try await body(self)
        }
    }

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
