internal import SystemPackage

// A listener on a sequenced-packet socket.
extension Listener {
    /// Waits for the next client of a sequenced-packet socket and accepts it, as accept(2) does.
    ///
    /// ```swift
    /// let listener = try await Listener(on: .unixSequencedPacket("/run/app.sock"))
    /// let connection = try await listener.acceptPacketConnection()
    /// for try await packet in connection { try await connection.send(packet.bytes) }
    /// ```
    ///
    /// The call skips clients that disconnect before they are accepted. One task at a time may
    /// accept. If no descriptors are left, the client stays in the backlog, so a server can call
    /// the method again after a pause.
    ///
    /// - Parameter timeout: How long to wait for a client.
    /// - Returns: The connection to the client.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.tooManyOpenFiles` or `.tooManyOpenFilesInSystem`
    ///     if no descriptors are left. The client stays in the backlog.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if no client connected in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No client is lost.
    ///   - ``SocketError/Cause/busy`` if another task is already accepting.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the listener is not on a sequenced-packet
    ///     socket.
    ///   - ``SocketError/Cause/closed`` if the listener was closed.
    public func acceptPacketConnection(
        timeout: TimeLimit = .never
    ) async throws(SocketError) -> PacketConnection {
        do throws(WaitFailure) {
            try beginAccepting(.sequencedPacket)
            defer { source.endReading() }
            let accepted = try await nextPeer(timeout)
            return try packetConnection(for: accepted)
        } catch {
            throw failure(error.cause)
        }
    }

    /// Creates a connection for an accepted client.
    ///
    /// If this fails, the client is disconnected.
    private func packetConnection(
        for accepted: consuming AcceptedPeer
    ) throws(WaitFailure) -> PacketConnection {
        let remote = SocketAddress(accepted.peer)
        do throws(Errno) {
            return try PacketConnection(
                taking: OwnedSocket(
                    accepted.descriptor, family, type, local: localAddress, remote: remote,
                    mayLinger: source.linger.mayBeSet),
                on: group.next())
        } catch {
            throw WaitFailure(.system(error))
        }
    }

    /// Throws an error unless the clients of the listener have this socket type.
    func require(_ expected: SocketType) throws(WaitFailure) {
        guard type != expected else { return }
        let method = type == .stream ? "accept or serve" : "acceptPacketConnection"
        throw WaitFailure(
            .invalidInput("the listener's type is \(type), which needs \(method)"))
    }
}
