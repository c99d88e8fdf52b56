import SocketDoctor
import Sockets

/// Which sockets somebody wants to know of: those for which everything that was given holds.
struct DoctorQuestion: Equatable {
    var port: UInt16?
    var process: Int32?
    var program: String?

    /// Reads the words of the command line.
    init(
        words: [String], process: String?, program: String?
    ) throws {
        guard words.count <= 1 else {
            throw UsageError("one port at a time; \(TerminalText.quoted(words[1])) is too much")
        }
        port = try words.first.map { try Self.port($0) }
        self.process = try process.map { try Self.process($0) }
        self.program = program
    }

    /// A port's number, or the name of a TCP service.
    private static func port(_ text: String) throws -> UInt16 {
        let port = try Target.port(text)
        let number =
            try port.number
            ?? Services.service(named: port.service ?? "", transport: .tcp).port
        guard number > 0 else { throw UsageError("no socket has port 0; give one from 1 to 65535") }
        return number
    }

    private static func process(_ text: String) throws(UsageError) -> Int32 {
        // As strict as a port: digits, and nothing else.
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int32(text), number > 0
        else {
            throw UsageError("--pid wants a process's number, not \(TerminalText.quoted(text))")
        }
        return number
    }

    /// Whether everything is asked for.
    var isAll: Bool { port == nil && process == nil && program == nil }

    /// Whether one of these ends is asked for.
    func isAbout(_ ends: [MachineSocket], _ examination: Analysis) -> Bool {
        isAll || ends.contains { isAbout($0, examination) }
    }

    /// Whether an ailment is asked for: one of its connections, or one of its programs where nothing
    /// but programs is asked for.
    func isAbout(_ ailment: Finding, _ examination: Analysis) -> Bool {
        if ailment.connections.contains(where: { isAbout($0, examination) }) { return true }
        guard port == nil else { return false }
        return ailment.processes.compactMap { examination.machine.processes[$0] }
            .contains(where: isAbout)
    }

    private func isAbout(_ socket: MachineSocket, _ examination: Analysis) -> Bool {
        if let port, socket.local.port != port, socket.remote.port != port { return false }
        guard process != nil || program != nil else { return true }
        return examination.ownership.owners(of: socket)
            .compactMap { examination.machine.processes[$0.process] }.contains(where: isAbout)
    }

    private func isAbout(_ candidate: MachineProcess) -> Bool {
        if let process, candidate.id != process { return false }
        return program.map(candidate.isCalled) ?? true
    }

    /// Fails if there is nothing of the kind that is asked for, or if it may not be seen.
    func requireSubject(in examination: Analysis) throws(Failure) {
        let machine = examination.machine
        if let port,
            !machine.sockets.contains(where: { $0.local.port == port || $0.remote.port == port })
        {
            throw nothing("no TCP socket of this machine has port \(port)")
        }
        if let process, machine.processes[process] == nil {
            throw nothing("there is no process \(process)")
        }
        let named = machine.processes.values.filter(isAbout)
        if let program, named.isEmpty {
            let which = process.map { "process \($0) is not called" } ?? "no program is called"
            throw nothing("\(which) \(TerminalText.quoted(program))")
        }
        guard process != nil || program != nil else { return }
        if named.allSatisfy({ $0.descriptors == nil }) {
            let who = named.map(\.description).sorted().joined(separator: ", ")
            throw Failure(
                .cannotInspect, "cannot see which sockets \(who) has",
                hint: Environment.isRoot
                    ? "It is closed even to root." : "Its user or root can.")
        }
    }

    private func nothing(_ message: String) -> Failure {
        Failure(.notFound, message, hint: nil)
    }
}
