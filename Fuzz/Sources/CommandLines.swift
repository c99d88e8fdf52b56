import Sockets

@testable import SockCode

/// Feeds one input, whose lines are words, to every parser of the command line.
///
/// This includes the values of the TLS flags. Accepted flags must be flags of the subcommand, and
/// error messages must be printable.
func checkCommandLine(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    let words = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

    do throws(UsageError) {
        if case .run(let arguments) = try Arguments.parse(words) {
            requireFlags(of: arguments, text)
            _ = try TLSFlags(arguments, for: .tcp("h", port: 1))
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
        require(duration >= .zero, "a negative time", text)
    }
}

private func check(_ text: String, _ body: () throws(UsageError) -> Void) {
    do throws(UsageError) { try body() } catch { requirePrintable(error, text) }
}

/// Every flag belongs to the subcommand, and has a value if it takes one.
private func requireFlags(of arguments: Arguments, _ text: String) {
    for flag in Flag.allCases where arguments.has(flag) {
        require(
            flag.isAccepted(by: arguments.subcommand),
            "\(arguments.subcommand) does not accept \(flag)", text)
        require(
            (arguments[flag] == nil) == (flag.row.value == nil), "\(flag) has no value", text)
    }
}

private func requirePrintable(_ error: UsageError, _ text: String) {
    requirePrintable(error.message, text)
    if let hint = error.hint {
        for line in hint.split(separator: "\n") { requirePrintable(String(line), text) }
    }
}
