import Sockets

/// A connected datagram socket that tries the next address after a refusal.
///
/// Connecting a datagram socket sends nothing, so a closed port is noticed only after it has
/// refused a datagram. Everything that was sent so far is then sent to the next address. So `sock
/// -u localhost 53` reaches a server that listens only on IPv4.
final class FailoverSocket: Sendable {
    /// All addresses of the peer.
    let addresses: [SocketAddress]
    private let connect: @Sendable (SocketAddress) throws -> Socket
    private let state: Monitor<State>

    fileprivate struct State {
        var socket: Socket
        var otherAddresses: ArraySlice<SocketAddress>
        /// The addresses that failed.
        var failedAttempts: [SocketError.Attempt] = []
        /// The datagrams to send again to the next address.
        var unconfirmed: [[UInt8]] = []
        var isClosed = false
    }

    /// The maximum number of datagrams to keep for the next address.
    ///
    /// If more are sent without a refusal, no other address is tried.
    private static let maximumUnconfirmed = 64

    /// Connects to the first address for which `connect` succeeds.
    init(
        _ addresses: [SocketAddress],
        connect: @escaping @Sendable (SocketAddress) throws -> Socket
    ) throws {
        self.addresses = addresses
        self.connect = connect
        var rest = addresses[...]
        var failed: [SocketError.Attempt] = []
        while true {
            guard let address = rest.popFirst() else {
                throw SocketError(.connect, .system(.addressNotAvailable))
            }
            do {
                let socket = try connect(address)
                state = Monitor(
                    State(socket: socket, otherAddresses: rest, failedAttempts: failed))
                return
            } catch let error as SocketError {
                failed.append(Self.attempt(address, error))
                if rest.isEmpty { throw Self.error(error, after: failed) }
            } catch  where !rest.isEmpty {
                continue
            }
        }
    }

    /// The socket that is currently in use.
    var current: Socket { state.update { $0.socket } }

    /// Sends one datagram.
    func send(_ bytes: ArraySlice<UInt8>) throws(SocketError) {
        let socket = state.update { state in
            if !state.otherAddresses.isEmpty { state.unconfirmed.append(Array(bytes)) }
            if state.unconfirmed.count > Self.maximumUnconfirmed { state.confirmAddress() }
            return state.socket
        }
        do throws(SocketError) {
            _ = try socket.send(bytes.span.bytes)
        } catch {
            // If there is a next address, `failOver` sends it this datagram and the earlier ones.
            if let failure = failOver(from: socket, after: error) { throw failure }
        }
    }

    /// Receives one datagram.
    ///
    /// - Throws: `SocketError` with the cause `.closed` after ``close()``.
    func receive(
        into buffer: inout [UInt8], timeout: TimeLimit
    ) throws(SocketError) -> Int {
        while true {
            let socket = current
            do throws(SocketError) {
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                let count = try socket.receive(into: &bytes, timeout: timeout)
                state.update { $0.confirmAddress() }
                return count
            } catch {
                if let failure = failOver(from: socket, after: error) { throw failure }
            }
        }
    }

    /// Waits briefly for a refusal of the sent datagrams, and sends them to the next address after
    /// a refusal.
    ///
    /// The kernel reports a closed port on this machine at once, so a short wait is enough. The
    /// wait is even shorter if the peer has only one address.
    ///
    /// - Throws: A `SocketError` if the last address refuses the datagrams.
    func checkDelivery() throws(SocketError) {
        let wait: Duration = addresses.count > 1 ? .milliseconds(20) : .milliseconds(1)
        var buffer: [UInt8] = [0]
        do throws(SocketError) {
            _ = try receive(into: &buffer, timeout: TimeLimit(wait))
        } catch {
            guard case .timedOut = error.cause else { throw error }
        }
    }

    /// Closes the socket and wakes the thread that receives.
    func close() {
        state.update { state in
            state.isClosed = true
            state.socket.close()
        }
    }

    /// Connects to the next address if the error is a refusal, and returns nil on success.
    ///
    /// Returns the error to throw if no other address is left, or if the error is not a refusal.
    private func failOver(from socket: Socket, after error: SocketError) -> SocketError? {
        state.update { state in
            if state.isClosed { return error }
            // If the socket was replaced, the other thread has already handled this refusal.
            if state.socket !== socket { return nil }
            guard let code = error.errno, Self.refusals.contains(code) else { return error }
            state.failedAttempts.append(Self.attempt(socket.remoteAddress, error))
            while let address = state.otherAddresses.popFirst() {
                guard let next = try? connect(address) else { continue }
                for datagram in state.unconfirmed { _ = try? next.send(datagram) }
                state.socket = next
                socket.close()
                return nil
            }
            return Self.error(error, after: state.failedAttempts)
        }
    }

    /// The errors after which another address may work: a closed port, a dead host, and a firewall.
    private static let refusals: [Errno] = [
        .connectionRefused, .noRouteToHost, .networkUnreachable, .permissionDenied,
    ]

    private static func attempt(
        _ address: SocketAddress, _ error: SocketError
    ) -> SocketError.Attempt {
        SocketError.Attempt(address: address, cause: error.cause, duration: .zero)
    }

    /// Returns the error of the last address, which names all addresses that failed.
    private static func error(
        _ last: SocketError, after attempts: [SocketError.Attempt]
    ) -> SocketError {
        guard attempts.count > 1 else { return last }
        return SocketError(
            last.operation, last.cause, remoteAddress: last.remoteAddress, attempts: attempts,
            hint: last.hint)
    }
}

extension FailoverSocket.State {
    /// Stops trying other addresses.
    fileprivate mutating func confirmAddress() {
        otherAddresses = []
        unconfirmed = []
    }
}
