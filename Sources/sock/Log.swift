import Sockets

/// The program's own messages, which go to standard error: standard output belongs to the peer.
///
/// Control characters are written `\xNN`, so that a peer or a name server cannot move the cursor
/// inside our messages.
enum Log {
    /// Servers let a thread write their messages.
    static let queue = MessageQueue()

    /// Writes why the program ends, after all messages that are queued.
    static func failure(_ failure: Failure) {
        queue.finish()
        StandardStreams.error.writeIgnoringErrors(text(of: failure))
    }

    /// Writes a message.
    static func message(_ text: String) {
        queue.write("sock: \(escaped(text))\n")
    }

    /// Writes a line that the next one overwrites.
    ///
    /// It is cut to the usual width of a terminal, because a wrapped line cannot be overwritten.
    static func overwrite(_ text: String) {
        queue.write("\r\(escaped("sock: \(text)").prefix(79))\u{1B}[K")
    }

    /// Ends such a line.
    static func endLine() {
        queue.write("\n")
    }

    /// Returns the lines of a failure: what failed and, indented, the verdict and the hint.
    static func text(of failure: Failure) -> String {
        let more = (failure.verdict + [failure.hint].compactMap { $0 }).map {
            "      \(escaped($0))\n"
        }
        return "sock: \(escaped(failure.message))\n" + more.joined()
    }
}

extension Log {
    /// Writes the address of a listener at once, before the listener accepts.
    ///
    /// The line is wanted with `-v`, and if the kernel chose the port, which only this line shows.
    static func announceListening(
        on address: SocketAddress, _ detail: String = "", if isWanted: Bool
    ) {
        guard isWanted else { return }
        let suffix = detail.isEmpty ? "" : " (\(detail))"
        StandardStreams.error.writeIgnoringErrors(
            escaped("Listening on \(address)\(suffix)") + "\n")
    }

    /// Writes the address of a client that has connected.
    static func connection(from client: SocketAddress, if isWanted: Bool) {
        guard isWanted else { return }
        let name = client == .unnamed ? "a client without an address" : "\(client)"
        queue.write(escaped("Connection from \(name)") + "\n")
    }

    /// Returns the text with every control character written `\xNN`.
    ///
    /// Messages of the library are escaped already. Doing it again changes nothing, because each
    /// character is escaped by itself, and a backslash alone begins no escape.
    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { TerminalText.escaped(String($0)) }.joined()
    }
}
