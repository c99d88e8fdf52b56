internal import Sockets

/// A socket that listens on a TCP port or is bound to a UDP port, and the processes that hold it.
package struct PortHolder: Sendable {
    package var socket: MachineSocket
    /// The processes that have a descriptor of the socket, in ascending order; empty if they are
    /// hidden from this user.
    package var processes: [MachineProcess]
    /// The user whom the first process runs as, or the user who opened the socket if the processes
    /// are hidden.
    ///
    /// This is the user's name, or the number of a user without a name. It is nil if the user is
    /// unknown.
    package var user: String?

    package init(socket: MachineSocket, processes: [MachineProcess], user: String?) {
        self.socket = socket
        self.processes = processes
        self.user = user
    }
}

extension Analysis {
    /// Returns the sockets that hold a local port, in a stable order.
    package func holders(ofPort port: UInt16) -> [PortHolder] {
        machine.sockets.filter { socket in
            socket.local.port == port && (socket.isListening || socket.kind == .udp)
        }.sorted { first, second in
            (first.kind.rawValue, first.local.description, first.identity.cookie)
                < (second.kind.rawValue, second.local.description, second.identity.cookie)
        }.map { socket in
            let processes = Set(ownership.owners(of: socket).map(\.process)).sorted()
                .compactMap { machine.processes[$0] }
            let user = processes.first.flatMap { MachineProcess.user(of: $0.id) } ?? socket.user
            return PortHolder(
                socket: socket, processes: processes,
                user: user.map { System.nameOfUser($0).map(TerminalText.escaped) ?? String($0) })
        }
    }
}
