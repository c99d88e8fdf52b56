import Sockets

/// Standard input and standard output, with errors that end the program.
enum Console {
    /// Waits for input, reads what is available, and returns the number of bytes.
    ///
    /// Returns 0 at the end of input or if the descriptor cannot be read.
    static func read(into buffer: inout [UInt8]) throws(Failure) -> Int {
        do throws(Errno) {
            return try StandardStreams.input.read(into: &buffer)
        } catch .badFileDescriptor {
            // Treat this as the end of input, because nohup replaces a terminal with a descriptor
            // that cannot be read.
            return 0
        } catch {
            throw Failure(
                .otherFailure,
                "cannot read standard input: \(error.description.withLowercasedFirst)")
        }
    }

    /// Writes bytes unchanged.
    static func write(_ bytes: ArraySlice<UInt8>) throws(Failure) {
        do throws(Errno) {
            try StandardStreams.output.write(bytes)
        } catch {
            throw Failure(
                .cannotWriteOutput,
                "cannot write to standard output: \(error.description.withLowercasedFirst)")
        }
    }

    /// Writes text unchanged.
    static func write(_ text: String) throws(Failure) {
        try write(Array(text.utf8)[...])
    }

    /// Writes one line of text, with control characters as `\xNN`.
    static func writeLine(_ text: String) throws(Failure) {
        try write(TerminalText.escaped(text) + "\n")
    }

    /// Writes one line of text from the library, which has already escaped it.
    static func writeMessage(_ text: String) throws(Failure) {
        try write(Log.escaped(text) + "\n")
    }

    /// Writes one line of JSON.
    static func writeLine(_ json: JSON) throws(Failure) {
        try write(json.text + "\n")
    }
}
