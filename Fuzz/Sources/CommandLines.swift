import Sockets

@testable import SockCode

/// Feeds one input, whose lines are words, to all that reads the command line. What is put in order
/// has to be in order, and what is refused is refused in lines that are safe to print.
func checkCommandLine(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    let words = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

    do throws(UsageError) {
        if case .run(let line) = try ArgumentNormalizer.normalize(words) {
            requireOrder(of: line, text)
        }
    } catch {
        requirePrintable(error, text)
    }
    let operands = Array(words.prefix(3))
    for (udp, unix) in [(false, false), (true, false), (false, true), (true, true)] {
        check(text) { () throws(UsageError) in
            let endpoint = try Target.toConnect(operands, udp: udp, unix: unix)
            requirePrintable(endpoint.description, text)
        }
        check(text) { () throws(UsageError) in
            let endpoint = try Target.toListen(
                operands, port: words.first, source: words.last, udp: udp, unix: unix)
            requirePrintable(endpoint.description, text)
        }
    }
    check(text) { () throws(UsageError) in
        let duration = try TimeSpan.parse(text, of: "-w")
        require(duration >= .zero, "a time below zero", text)
    }
}

private func check(_ text: String, _ body: () throws(UsageError) -> Void) {
    do throws(UsageError) { try body() } catch { requirePrintable(error, text) }
}

/// Flags by themselves, with their values, and operands after `--`.
private func requireOrder(of line: [String], _ text: String) {
    var words = line[...]
    require(words.popFirst().flatMap(Verb.init) != nil, "no verb stands first", text)
    while let word = words.popFirst(), word != "--" {
        require(word.hasPrefix("--"), "\(word) is no long flag", text)
        let name = word.dropFirst(2).prefix { $0 != "=" }
        require(CommandFlag.with(long: String(name)) != nil, "\(word) is no flag of ours", text)
    }
}

private func requirePrintable(_ error: UsageError, _ text: String) {
    requirePrintable(error.message, text)
    if let advice = error.advice {
        for line in advice.split(separator: "\n") { requirePrintable(String(line), text) }
    }
}
