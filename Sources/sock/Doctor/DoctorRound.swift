import SocketDoctor
import Sockets

/// One visit: look, say what is stuck and what could not be seen.
struct DoctorRound {
    private let question: DoctorQuestion
    private let showsAll: Bool
    private let isJSON: Bool

    init(_ question: DoctorQuestion, showsAll: Bool, isJSON: Bool) {
        self.question = question
        self.showsAll = showsAll
        self.isJSON = isJSON
    }

    /// Looks once, and says what the program should end with.
    func make() throws(Failure) -> ExitStatus {
        let examination = try examine()
        let ailments = examination.ailments.filter { question.isAbout($0, examination) }
        try Console.write(answer(examination, ailments))
        tellGaps(examination)
        return ailments.isEmpty ? .success : .stuck
    }

    /// Looks again and again, until somebody interrupts.
    func repeatForEver() throws(Failure) -> Never {
        let isTerminal = StandardStreams.output.isTerminal
        var isFirst = true
        while true {
            let examination = try examine()
            let ailments = examination.ailments.filter { question.isAbout($0, examination) }
            let text = answer(examination, ailments)
            // From the top left corner, and nothing of what was there before.
            let start = isJSON ? "" : isTerminal ? "\u{1B}[H\u{1B}[J" : isFirst ? "" : "\n"
            try Console.write(start + text)
            // On a terminal everything is written anew.
            if isFirst || isTerminal { tellGaps(examination) }
            isFirst = false
            Signals.setStatusWhenInterrupted(ailments.isEmpty ? .success : .stuck)
            Worker.sleep(for: .seconds(2))
        }
    }

    private func examine() throws(Failure) -> Analysis {
        let survey: Sampler
        do throws(Errno) {
            survey = try Sampler.make()
        } catch {
            throw Failure(
                .cannotInspect,
                "cannot look at the sockets of this machine: \(error.description.withLowercasedFirst)",
                hint: "The kernel needs socket diagnosis (INET_DIAG), and /proc has to be there.")
        }
        let examination = Analysis(survey)
        try question.requireSubject(in: examination)
        return examination
    }

    private func tellGaps(_ examination: Analysis) {
        for gap in examination.survey.gaps { Log.message(Self.text(of: gap)) }
        let connections = examination.connections.filter { question.isAbout($0, examination) }
        let hidden = examination.hidden(in: connections)
        for line in Self.text(ofHidden: hidden, isRoot: Environment.isRoot) { Log.message(line) }
    }

    // MARK: What is said

    private func answer(_ examination: Analysis, _ ailments: [Finding]) -> String {
        let healthy = showsAll ? healthyConnections(examination, ailments) : []
        if isJSON {
            let writer = DoctorJSON(examination)
            let objects = ailments.map(writer.object) + healthy.map(writer.object)
            return objects.map { $0.text + "\n" }.joined()
        }
        let output = StandardStreams.output
        let text = DoctorText(
            examination, isDrawn: output.isTerminal,
            hasColor: output.isTerminal && Environment["NO_COLOR"] == nil, width: output.width)
        var blocks = text.blocks(of: ailments)
        if !healthy.isEmpty { blocks.append(text.table(ofHealthy: healthy)) }
        blocks.append([summary(examination, ailments)])
        return blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }

    private func healthyConnections(
        _ examination: Analysis, _ ailments: [Finding]
    ) -> [[MachineSocket]] {
        let stuck = Set(ailments.flatMap(\.connections).joined().map(\.identity))
        return examination.connections.filter { ends in
            question.isAbout(ends, examination) && !ends.contains { stuck.contains($0.identity) }
        }
    }

    private func summary(_ examination: Analysis, _ ailments: [Finding]) -> String {
        let looked = examination.machine.sockets.count {
            question.isAbout([$0], examination)
        }
        let sockets = looked == 1 ? "1 socket" : "\(looked) sockets"
        guard !ailments.isEmpty else { return "Nothing is stuck: \(sockets) looked at." }
        let places = ailments.count == 1 ? "1 place" : "\(ailments.count) places"
        return "Stuck in \(places): \(sockets) looked at."
    }

    /// What could not be seen.
    static func text(of gap: Sampler.Gap) -> String {
        switch gap {
        case .list(let list, let code):
            "cannot look at \(name(of: list)) sockets: \(code.description.withLowercasedFirst)"
        case .changing(let list):
            "\(name(of: list)) sockets changed while they were listed: one may be missing"
        }
    }

    /// What may not be seen, and who may.
    static func text(ofHidden hidden: (owners: Int, calls: Int), isRoot: Bool) -> [String] {
        // From root hides only what runs in a shelter of its own.
        let who = isRoot ? "hidden even from root" : "hidden from this user; root sees more"
        var lines: [String] = []
        if hidden.owners > 0 {
            let owners =
                hidden.owners == 1
                ? "the owner of 1 socket is" : "the owners of \(hidden.owners) sockets are"
            lines.append("\(owners) \(who)")
        }
        if hidden.calls > 0 {
            let programs = hidden.calls == 1 ? "1 program waits" : "\(hidden.calls) programs wait"
            lines.append("what \(programs) for is \(who)")
        }
        return lines
    }

    private static func name(of list: MachineSocket.List) -> String {
        switch list {
        case .tcp4: "TCP (IPv4)"
        case .tcp6: "TCP (IPv6)"
        case .unix: "Unix"
        }
    }
}
