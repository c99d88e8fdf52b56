import ArgumentParser
import Sockets

/// `sock service http tcp`: getservbyname and getservbyport.
struct Service: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The port of a service, or the service of a port.",
        usage: "sock service [--json] NAME|PORT [tcp|udp]",
        discussion: "Without a protocol both are asked. This is getservbyname and getservbyport.")

    @Flag(help: "One JSON object for each entry.")
    var json = false

    @Argument(help: .hidden)
    var words: [String] = []

    func run() throws {
        let (asked, protocols) = try question()
        let entries = try find(asked, protocols)
        if json {
            for entry in entries { try Answer.write(entry.json.text + "\n") }
            return
        }
        var told: [String] = []
        for entry in entries {
            let answer = asked.number == nil ? "\(entry.port)" : entry.name
            if !told.contains(answer) { try Answer.line(answer) }
            told.append(answer)
        }
    }

    private func question() throws(UsageError) -> (Port, [Transport]) {
        guard let first = words.first else {
            throw UsageError("which service? Give a name such as http, or a port such as 80")
        }
        guard words.count <= 2 else {
            throw UsageError("\(TerminalText.quoted(words[2])) is one word too many")
        }
        let port = try Target.port(first)
        guard let name = words.dropFirst().first else { return (port, [.tcp, .udp]) }
        guard let wanted = [Transport.tcp, .udp].first(where: { $0.description == name }) else {
            throw UsageError("expected tcp or udp, not \(TerminalText.quoted(name))")
        }
        return (port, [wanted])
    }

    /// The entries for the protocols; fails when there is none for any.
    private func find(
        _ asked: Port, _ protocols: [Transport]
    ) throws(SocketError) -> [Services.ServiceEntry] {
        var entries: [Services.ServiceEntry] = []
        var failure: SocketError?
        for wanted in protocols {
            do throws(SocketError) {
                entries.append(try entry(asked, wanted))
            } catch {
                failure = failure ?? error
            }
        }
        if entries.isEmpty, let failure { throw failure }
        return entries
    }

    private func entry(
        _ asked: Port, _ wanted: Transport
    ) throws(SocketError) -> Services.ServiceEntry {
        if let number = asked.number {
            return try Services.service(onPort: number, transport: wanted)
        }
        return try Services.service(named: asked.service ?? "", transport: wanted)
    }
}

extension Services.ServiceEntry {
    fileprivate var json: JSON {
        .object([
            ("name", .string(name)),
            ("port", .number(Int(port))),
            ("protocol", .string("\(`protocol`)")),
            ("aliases", .array(aliases.map(JSON.string))),
        ])
    }
}
