public import SystemPackage

// Files.
extension Connection {
    /// Sends bytes of a file without bringing them into the program: sendfile(2); returns how many.
    ///
    /// It ends at the end of the file, or after `count` bytes if that comes first. The file's own
    /// position is not used and not moved. What is not in the kernel's cache is read from the disk
    /// meanwhile, on the thread of the caller.
    ///
    /// - Parameters:
    ///   - file: a regular file that is open for reading.
    ///   - offset: where to begin, in bytes; beyond the end of the file nothing is sent.
    ///   - count: how many bytes at most; all if nil.
    ///   - timeout: the connection's `writeTimeout` if nil; it covers the whole file.
    /// - Throws: `.system`: `.illegalSeek` or `.invalidArgument` for files of other kinds,
    ///   `.badFileDescriptor`; `.invalidInput` for negative numbers; as
    ///   `write(_: RawSpan, timeout:)`.
    @discardableResult
    public func sendFile(
        _ file: FileDescriptor, offset: Int = 0, count: Int? = nil, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        try begin(.write)
        defer { source.end(.writing) }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        let wished = count ?? .max
        guard offset >= 0, wished >= 0 else {
            throw failure(
                .write,
                .invalidInput("offset \(offset), count \(wished): expected none below 0"))
        }
        var deadline = WaitDeadline(timeout ?? writeTimeout)
        var sent = 0
        do throws(EndOfWait) {
            while sent < wished {
                try deadline.beginStep()
                let count = try await source.perform(.writing, &deadline) {
                    descriptor throws(Errno) in
                    let (start, isTooFar) = offset.addingReportingOverflow(sent)
                    let count =
                        isTooFar
                        ? 0
                        : try System.sendfile(
                            descriptor, from: file.rawValue, offset: start,
                            count: min(wished - sent, System.mostAtOnce))
                    source.writing.word.setReady()
                    return count
                }
                if count == 0 { break }
                sent += count
            }
        } catch {
            isIncomplete = sent > 0
            throw failure(.write, error.cause, bytesTransferred: sent)
        }
        return sent
    }
}
