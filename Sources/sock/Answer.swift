import Sockets

/// What a verb was asked for, which goes to standard output.
enum Answer {
    /// Writes text as it is.
    static func write(_ text: String) throws(Failure) {
        try write(Array(text.utf8)[...])
    }

    /// Writes bytes as they are.
    static func write(_ bytes: ArraySlice<UInt8>) throws(Failure) {
        do throws(Errno) {
            try StandardStreams.output.write(bytes)
        } catch {
            throw Failure(
                .cannotWriteOutput,
                "cannot write to standard output: \(error.description.withLowercasedFirst)")
        }
    }

    /// Writes one line of text, in which control characters are written `\xNN`.
    static func line(_ text: String) throws(Failure) {
        try write(TerminalText.escaped(text) + "\n")
    }
}
