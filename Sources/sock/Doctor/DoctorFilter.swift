import SocketDoctor
import Sockets

/// A filter for the sockets that match every condition of the command line.
struct DoctorFilter: Equatable {
    var port: UInt16?
    var process: Int32?
    var program: String?

    /// Parses the arguments of the command line.
    init(
        words: [String], process: String?, program: String?
    ) throws {
        guard words.count <= 1 else {
            throw UsageError(
                "unexpected argument \(TerminalText.quoted(words[1])): expected one port")
        }
        port = try words.first.map { try Self.port($0) }
        self.process = try process.map { try Self.process($0) }
        self.program = program
    }

    /// Parses the number of a port or the name of a TCP or UDP service.
    private static func port(_ text: String) throws -> UInt16 {
        let port = try Target.port(text)
        let service = port.service ?? ""
        let number =
            try port.number
            ?? (try? Services.service(named: service, transport: .udp).port)
            ?? Services.service(named: service, transport: .tcp).port
        guard number > 0 else {
            throw UsageError("no socket can have port 0: expected a port from 1 to 65535")
        }
        return number
    }

    private static func process(_ text: String) throws(UsageError) -> Int32 {
        // Accept only digits and no sign, as for a port.
        guard let number = Decimal.value(of: text.utf8, maximum: UInt32(Int32.max)), number > 0
        else {
            throw UsageError("--pid needs a process ID, not \(TerminalText.quoted(text))")
        }
        return Int32(number)
    }

    /// A Boolean value that indicates whether the command line has no condition.
    var matchesAll: Bool { port == nil && process == nil && program == nil }

    /// Returns the sockets that hold the port of the command line; empty if it has no port.
    func holders(in analysis: Analysis) -> [PortHolder] {
        port.map { analysis.holders(ofPort: $0) }?.filter { matches([$0.socket], analysis) } ?? []
    }

    /// Returns whether at least one of these ends matches.
    func matches(_ ends: [MachineSocket], _ analysis: Analysis) -> Bool {
        matchesAll || ends.contains { matches($0, analysis) }
    }

    /// Returns whether one of the finding's connections matches.
    ///
    /// If the command line has no condition on the port, the result is also true if one of the
    /// finding's processes matches.
    func matches(_ finding: Finding, _ analysis: Analysis) -> Bool {
        if finding.connections.contains(where: { matches($0, analysis) }) { return true }
        guard port == nil else { return false }
        return finding.processes.compactMap { analysis.machine.processes[$0] }
            .contains(where: matches)
    }

    private func matches(_ socket: MachineSocket, _ analysis: Analysis) -> Bool {
        if let port, socket.local.port != port, socket.remote.port != port { return false }
        guard process != nil || program != nil else { return true }
        return analysis.ownership.owners(of: socket)
            .compactMap { analysis.machine.processes[$0.process] }.contains(where: matches)
    }

    private func matches(_ candidate: MachineProcess) -> Bool {
        if let process, candidate.id != process { return false }
        return program.map(candidate.isCalled) ?? true
    }

    /// Throws an error if the port, the process or the program does not exist, or if the sockets of
    /// the process or program are hidden.
    func requireMatch(in analysis: Analysis) throws(Failure) {
        let machine = analysis.machine
        if let port,
            !machine.sockets.contains(where: { $0.local.port == port || $0.remote.port == port })
        {
            throw notFound("no TCP or UDP socket on this machine has port \(port)")
        }
        if let process, machine.processes[process] == nil {
            throw notFound("there is no process \(process)")
        }
        let named = machine.processes.values.filter(matches)
        if let program, named.isEmpty {
            let which = process.map { "process \($0) is not called" } ?? "no program is called"
            throw notFound("\(which) \(TerminalText.quoted(program))")
        }
        guard process != nil || program != nil else { return }
        if named.allSatisfy({ $0.descriptors == nil }) {
            let names = named.map(\.description).sorted().joined(separator: ", ")
            throw Failure(
                .cannotInspect, "cannot see the sockets of \(names)",
                hint: Environment.isRoot
                    ? "They are hidden even from root."
                    : "Run sock doctor as root, or as the user of that process.")
        }
    }

    private func notFound(_ message: String) -> Failure {
        Failure(.notFound, message, hint: nil)
    }
}
