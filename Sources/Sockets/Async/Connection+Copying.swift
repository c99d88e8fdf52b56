internal import SystemPackage

// From one end to the other.
extension Connection {
    /// Sends back everything that comes, until the end of the stream; returns how many bytes.
    ///
    /// It holds both directions. Nothing is lost when it ends early: what came and was not sent back
    /// is there for the next read, or for another `echo`, which goes on in the right place. Waits
    /// for the peer are limited by `readTimeout` and `writeTimeout`, each wait afresh.
    ///
    /// - Throws: as `read` and `write`; `bytesTransferred` of the error says how many bytes were sent.
    @discardableResult
    public func echo() async throws(SocketError) -> Int {
        try await pass(to: self)
    }

    /// Sends everything that comes to another connection, until the end of the stream, which
    /// becomes the end of the other's as well; returns how many bytes.
    ///
    /// It holds the reading direction of this connection and the writing one of the other. Nothing
    /// is lost when it ends early: what came and was not sent is there for the next read, or for
    /// another `copy`. Limits are `readTimeout` here and `writeTimeout` of the other, for each wait
    /// afresh.
    ///
    /// - Throws: as `read` and `write`, about the connection that failed; `bytesTransferred` of the error
    ///   says how many bytes were sent.
    @discardableResult
    public func copy(to other: Connection) async throws(SocketError) -> Int {
        let count = try await pass(to: other)
        do throws(SocketError) {
            try other.shutdown(.write)
        } catch {
            throw error.with(bytesTransferred: count)
        }
        return count
    }

    private func pass(to other: Connection) async throws(SocketError) -> Int {
        try beginReading()
        defer { source.end(.reading) }
        try other.begin(.write)
        defer { other.source.end(.writing) }
        guard !other.isIncomplete else {
            throw other.failure(.write, after: EndOfWait(.incompleteWrite))
        }
        var moved = 0
        do throws(SocketError) {
            while true {
                if !input.isEmpty { try await other.sendReceived(by: self, &moved) }
                if isAtEnd { return moved }
                var deadline = WaitDeadline(readTimeout)
                let failure: Errno?
                do throws(EndOfWait) {
                    failure = try await source.perform(.reading, &deadline) {
                        descriptor throws(Errno) in
                        try passOn(descriptor, to: other, &moved)
                    }
                } catch {
                    throw self.failure(.read, after: error)
                }
                if let failure {
                    throw other.failure(.write, after: EndOfWait(.system(failure)))
                }
            }
        } catch {
            throw error.with(bytesTransferred: moved)
        }
    }

    /// Receives once, and sends what has come as far as there is room; the rest is where the next
    /// read finds it. Returns why it cannot be sent.
    @inline(__always)
    private func passOn(
        _ descriptor: Int32, to other: Connection, _ moved: inout Int
    ) throws(Errno) -> Errno? {
        // Not noted as written: `input` is empty.
        let room = source.scratch ?? input.room(atLeast: 65536)
        let count = try receive(descriptor, into: room)
        guard count > 0 else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: room[..<count])
        var sent = 0
        // The bytes may be where they are put back to, which copes with that.
        defer { input.append(UnsafeRawBufferPointer(rebasing: bytes[sent...])) }
        do throws(Errno) {
            sent = try other.sendAtOnce(bytes)
            moved += sent
            return nil
        } catch {
            return error
        }
    }

    /// Waits until the kernel has taken what another connection could not pass on at once.
    private func sendReceived(
        by origin: Connection, _ moved: inout Int
    ) async throws(SocketError) {
        while !origin.input.isEmpty {
            var deadline = WaitDeadline(writeTimeout)
            do throws(EndOfWait) {
                let count = try await source.perform(.writing, &deadline) {
                    descriptor throws(Errno) in
                    let count = try System.send(descriptor, origin.input.bytes, [])
                    source.writing.word.setReady()
                    return count
                }
                origin.input.consume(count)
                moved += count
            } catch {
                throw failure(.write, after: error)
            }
        }
    }
}
