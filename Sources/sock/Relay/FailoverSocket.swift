import Sockets

/// A connected datagram socket that tries the next address after a refusal.
///
/// Connecting a datagram socket sends nothing, so a closed port is noticed only after it has
/// refused a datagram. Everything that was sent so far is then sent to the next address. So `sock
/// -u localhost 53` reaches a server even if it listens only on IPv4.
final class FailoverSocket: Sendable {
    /// All addresses of the peer.
    let addresses: [SocketAddress]
    private let connect: @Sendable (SocketAddress) throws -> Socket
    private let state: Monitor<State>

    fileprivate struct State {
        var socket: Socket
        var otherAddresses: ArraySlice<SocketAddress>
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
        while true {
            guard let address = rest.popFirst() else {
                throw SocketError(.connect, .system(.addressNotAvailable))
            }
            do {
                let socket = try connect(address)
                state = Monitor(State(socket: socket, otherAddresses: rest))
                return
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
            guard failOver(from: socket, after: error) else { throw error }
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
                guard failOver(from: socket, after: error) else { throw error }
            }
        }
    }

    /// Closes the socket and wakes the thread that receives.
    func close() {
        state.update { state in
            state.isClosed = true
            state.socket.close()
        }
    }

    /// Connects to the next address after a refusal.
    ///
    /// Returns false if there is no other address, or if the error is not a refusal.
    private func failOver(from socket: Socket, after error: SocketError) -> Bool {
        state.update { state in
            if state.isClosed { return false }
            // If the socket was replaced, the other thread has already handled this refusal.
            if state.socket !== socket { return true }
            guard error.errno == .connectionRefused else { return false }
            while let address = state.otherAddresses.popFirst() {
                guard let next = try? connect(address) else { continue }
                for datagram in state.unconfirmed { _ = try? next.send(datagram) }
                state.socket = next
                socket.close()
                return true
            }
            return false
        }
    }
}

extension FailoverSocket.State {
    /// Stops trying other addresses.
    fileprivate mutating func confirmAddress() {
        otherAddresses = []
        unconfirmed = []
    }
}
