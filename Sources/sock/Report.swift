import Sockets

/// All words of the program to its user, which go to standard error: standard output belongs to the
/// peer's bytes.
///
/// Nothing that came from outside reaches the terminal as it is: control characters are written
/// `\xNN`, so that a peer or a name server cannot move the cursor inside our messages.
enum Report {
    /// Servers leave the writing to a thread.
    static let notes = NoteQueue()

    /// Why the program ends: after this it may do so at once.
    static func failure(_ failure: Failure) {
        notes.finish()
        StandardStreams.error.tell(text(of: failure))
    }

    /// A remark beside the work, for those who asked with `-v`.
    static func note(_ text: String) {
        notes.say("sock: \(safe(text))\n")
    }

    /// A line that the next one takes the place of, on a terminal; cut to the usual width, because one
    /// that is wrapped could not be written over.
    static func overwrite(_ text: String) {
        notes.say("\r\(safe("sock: \(text)").prefix(79))\u{1B}[K")
    }

    /// Leaves such a line as it is.
    static func endLine() {
        notes.say("\n")
    }

    /// "sock: cannot connect to …" and, indented, why nothing moved and what to do next.
    static func text(of failure: Failure) -> String {
        let more = (failure.verdict + [failure.advice].compactMap { $0 }).map {
            "      \(safe($0))\n"
        }
        return "sock: \(safe(failure.message))\n" + more.joined()
    }
}

extension Report {
    /// Where callers are awaited: said when somebody asked with `-v`, and always when the kernel
    /// chose the port, which nobody could know otherwise.
    static func listening(on address: SocketAddress, _ what: String = "", if isWanted: Bool) {
        guard isWanted else { return }
        // At once: nobody is served yet.
        StandardStreams.error.tell(
            safe("Listening on \(address)\(what.isEmpty ? "" : " (\(what))")") + "\n")
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
        notes.say(safe(text) + "\n")
    }
}
