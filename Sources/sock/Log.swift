import Sockets

/// The program's own messages, which go to standard error because standard output is for the peer's
/// data.
///
/// Control characters are written as `\xNN`, so that a peer or a name server cannot move the cursor
/// inside our messages.
enum Log {
    /// The queue of messages, which a server empties on a separate thread.
    static let queue = MessageQueue(
        output: StandardStreams.error.writeIgnoringErrors,
        directOutput: StandardStreams.error.writeMessage)

    /// Writes the failure that ends the program, after all queued messages.
    static func failure(_ failure: Failure) {
        queue.finish()
        StandardStreams.error.writeMessage(text(of: failure))
    }

    /// Writes a message.
    static func message(_ text: String) {
        queue.write(lines(of: "sock: \(text)", width: terminalWidth))
    }

    /// Writes a line that the next call overwrites.
    ///
    /// The line is cut to the usual width of a terminal, because a wrapped line cannot be
    /// overwritten.
    static func overwrite(_ text: String) {
        queue.write("\r\(escaped("sock: \(text)").prefix(79))\u{1B}[K")
    }

    /// Ends the line that `overwrite` has written.
    static func endLine() {
        queue.write("\n")
    }

    /// Returns the lines of a failure: what failed and, indented, the verdict and the hint.
    static func text(of failure: Failure, width: Int? = terminalWidth) -> String {
        let more = (failure.verdict + [failure.hint].compactMap { $0 }).map {
            lines(of: "      \($0)", width: width)
        }
        return lines(of: "sock: \(failure.message)", width: width) + more.joined()
    }

    /// The width of the terminal, or nil if standard error is not a terminal.
    private static var terminalWidth: Int? {
        StandardStreams.error.isTerminal ? StandardStreams.error.width : nil
    }

    /// Returns the escaped text, wrapped at the width and with further lines indented like a hint.
    private static func lines(of text: String, width: Int?) -> String {
        let text = escaped(text)
        let indent = String(text.prefix { $0 == " " })
        guard let width, text.count > width else { return text + "\n" }
        return TextLayout.wrapped(text, width: width, indent: indent, hangingIndent: "      ")
            .map { $0 + "\n" }.joined()
    }
}

extension Log {
    /// Writes the address of a listener at once, without the queue, before the listener accepts
    /// clients.
    ///
    /// The line is requested by `-v`. It is also needed if the kernel chose the port, because only
    /// this line shows the port.
    static func announceListening(
        on address: SocketAddress, _ detail: String = "", if isWanted: Bool
    ) {
        let suffix = detail.isEmpty ? "" : " (\(detail))"
        announce("Listening on \(address)\(suffix)", if: isWanted)
    }

    /// Writes a line about a listener at once, without the queue.
    static func announce(_ line: String, if isWanted: Bool) {
        guard isWanted else { return }
        StandardStreams.error.writeMessage(escaped(line) + "\n")
    }

    /// Writes that an address of the listener's host name is skipped.
    static func skipped(_ endpoint: Endpoint, _ error: SocketError) {
        let reason =
            error.errno == .addressNotAvailable
            ? "this machine does not have that address"
            : "this machine does not support its family"
        message("skipped \(endpoint.host ?? ""), because \(reason)")
    }

    /// Writes the address of a client that has connected.
    static func connection(from client: SocketAddress, if isWanted: Bool) {
        guard isWanted else { return }
        queue.write(escaped("Connection from \(client.nameOfPeer)") + "\n")
    }

    /// Returns the text with every control character as `\xNN`.
    ///
    /// The library has already escaped its messages. Escaping them again does not change them,
    /// because each character is escaped separately and a backslash alone is not escaped.
    static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { TerminalText.escaped(String($0)) }.joined()
    }
}

extension SocketAddress {
    /// The name of the peer with this address in messages.
    ///
    /// A client of a Unix socket usually has no address.
    var nameOfPeer: String { self == .unnamed ? "a client without an address" : "\(self)" }
}
