internal import SystemPackage

/// A socket that waits on an event loop: `Connection`, `PacketConnection`, `DatagramChannel`.
protocol LoopSocket: DescriptorOwner {
    var source: EventSource { get }
    var localAddress: SocketAddress { get }
    var remoteAddress: SocketAddress { get }
}

extension LoopSocket {
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
                remoteAddress: remoteAddress)
        }
        guard source.enter() else { throw failure(.closed) }
        defer { source.leave() }
        do throws(Errno) {
            return try body(source.descriptor)
        } catch {
            throw failure(.system(error))
        }
    }
}
