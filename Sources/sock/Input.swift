import Sockets

/// What the program was given to send: standard input.
enum Input {
    /// Reads what is there, or waits for something; 0 is the end.
    static func read(into buffer: inout [UInt8]) throws(Failure) -> Int {
        do throws(Errno) {
            return try StandardStreams.input.read(into: &buffer)
        } catch {
            throw Failure(
                .otherFailure,
                "cannot read standard input: \(error.description.withLowercasedFirst)")
        }
    }
}
