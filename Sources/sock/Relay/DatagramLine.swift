import Sockets

/// A line to a peer that is spoken to in datagrams, at whichever of its addresses somebody is.
///
/// Connecting a datagram socket asks nobody, so that a name's first address is not there shows only
/// when something has been sent and refused. Then the next address is tried, and what was sent so
/// far is sent again: `sock -u localhost 53` also finds a server that has IPv4 alone.
final class DatagramLine: Sendable {
    private let dial: @Sendable (SocketAddress) throws -> Socket
    private let state: Monitor<State>

    fileprivate struct State {
        var socket: Socket
        var otherAddresses: ArraySlice<SocketAddress>
        /// What has been sent and might have to be sent again.
        var unanswered: [[UInt8]] = []
        var isHungUp = false
    }

    /// More than this is not remembered; who has sent so much has got through, or never will.
    private static let mostUnanswered = 64

    /// Connects to the first address that can be connected to.
    init(
        _ addresses: [SocketAddress], dial: @escaping @Sendable (SocketAddress) throws -> Socket
    ) throws {
        self.dial = dial
        var rest = addresses[...]
        while true {
            guard let address = rest.popFirst() else {
                throw SocketError(.connect, .system(.addressNotAvailable))
            }
            do {
                let socket = try dial(address)
                state = Monitor(State(socket: socket, otherAddresses: rest))
                return
            } catch  where !rest.isEmpty {
                continue
            }
        }
    }

    /// The socket to the address that is spoken to at the moment.
    var socket: Socket { state.update { $0.socket } }

    /// Sends one datagram.
    func send(_ bytes: ArraySlice<UInt8>) throws(SocketError) {
        let socket = state.update { state in
            if !state.otherAddresses.isEmpty { state.unanswered.append(Array(bytes)) }
            if state.unanswered.count > Self.mostUnanswered { state.settle() }
            return state.socket
        }
        do throws(SocketError) {
            _ = try socket.send(bytes.span.bytes)
        } catch {
            // The next address gets this datagram together with those before it.
            guard moveOn(from: socket, because: error) else { throw error }
        }
    }

    /// Receives one datagram; `.closed` after ``hangUp()``.
    func receive(
        into buffer: inout [UInt8], timeout: TimeLimit
    ) throws(SocketError) -> Int {
        while true {
            let socket = self.socket
            do throws(SocketError) {
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                let count = try socket.receive(into: &bytes, timeout: timeout)
                state.update { $0.settle() }
                return count
            } catch {
                guard moveOn(from: socket, because: error) else { throw error }
            }
        }
    }

    /// Ends the line, and wakes whoever receives.
    func hangUp() {
        state.update { state in
            state.isHungUp = true
            state.socket.close()
        }
    }

    /// Goes to the next address after a refusal; false if there is none, or nobody has refused.
    private func moveOn(from socket: Socket, because error: SocketError) -> Bool {
        state.update { state in
            if state.isHungUp { return false }
            // The other thread has met the same refusal first.
            if state.socket !== socket { return true }
            guard error.errno == .connectionRefused else { return false }
            while let address = state.otherAddresses.popFirst() {
                guard let next = try? dial(address) else { continue }
                for piece in state.unanswered { _ = try? next.send(piece) }
                state.socket = next
                socket.close()
                return true
            }
            return false
        }
    }
}

extension DatagramLine.State {
    /// Somebody is there: no other address will be tried.
    fileprivate mutating func settle() {
        otherAddresses = []
        unanswered = []
    }
}
