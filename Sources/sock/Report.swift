import Sockets

/// All words of the program to its user, which go to standard error: standard output belongs to the
/// peer's bytes.
///
/// Nothing that came from outside reaches the terminal as it is: control characters are written
/// `\xNN`, so that a peer or a name server cannot move the cursor inside our messages.
enum Report {
    static func failure(_ failure: Failure) {
        StandardStreams.error.tell(text(of: failure))
    }

    /// A remark beside the work, for those who asked with `-v`.
    static func note(_ text: String) {
        StandardStreams.error.tell("sock: \(safe(text))\n")
    }

    /// Two lines: "sock: cannot connect to …" and, indented, what to do next.
    static func text(of failure: Failure) -> String {
        let first = "sock: \(safe(failure.message))\n"
        return failure.advice.map { "\(first)      \(safe($0))\n" } ?? first
    }
}

extension Report {
    /// Where callers are awaited: said when somebody asked with `-v`, and always when the kernel
    /// chose the port, which nobody could know otherwise.
    static func listening(on address: SocketAddress, _ what: String = "", if isWanted: Bool) {
        guard isWanted else { return }
        tell("Listening on \(address)\(what.isEmpty ? "" : " (\(what))")")
    }

    /// Who has called.
    static func arrival(of caller: SocketAddress, if isWanted: Bool) {
        guard isWanted else { return }
        tell("Connection from \(caller == .unnamed ? "a program without an address" : "\(caller)")")
    }

    /// The text with every control character written `\xNN`. Messages of the library have had that
    /// done to them already; doing it again changes nothing, because each character is looked at by
    /// itself, and a backslash alone begins no escape.
    fileprivate static func safe(_ text: String) -> String {
        text.unicodeScalars.map { TerminalText.escaped(String($0)) }.joined()
    }

    private static func tell(_ text: String) {
        StandardStreams.error.tell(safe(text) + "\n")
    }
}
