// The sequences `chunks` and `messages`, beside `lines`.
extension Connection {
    /// The received bytes up to the end of the stream, in chunks as they arrive.
    ///
    /// ```swift
    /// for try await chunk in connection.chunks { digest.update(chunk) }
    /// ```
    ///
    /// A chunk has at least one byte. Its boundaries carry no meaning, because TCP transfers a
    /// stream (RFC 9293). ``readTimeout`` limits the wait for each chunk. The sequence stores no
    /// bytes, so a program can leave the loop and read the rest in another way.
    /// ``withReceived(timeout:_:)`` avoids copying the bytes.
    public var chunks: Chunks { Chunks(connection: self) }

    /// The messages up to the end of the stream; see ``readMessage(reading:timeout:)``.
    ///
    /// ```swift
    /// for try await frame in connection.messages(reading: .frame(length: .uint32())) {
    ///     handle(frame)
    /// }
    /// ```
    ///
    /// ``readTimeout`` limits the wait for each message. The sequence stores no bytes, so a program
    /// can leave the loop and read the rest in another way.
    ///
    /// - Parameter framing: Where each message ends. With ``Framing/toEnd(limit:)``, the sequence
    ///   has at most one message.
    /// - Returns: The sequence.
    public func messages(reading framing: Framing) -> Messages {
        Messages(connection: self, framing: framing)
    }

    /// Waits for bytes and returns them, or returns `nil` at the end of the stream.
    @inline(__always)
    private func nextChunk() async throws(SocketError) -> [UInt8]? {
        var deadline = try beginReading(nil)
        defer { source.endReading() }
        return try await withNextBytes(&deadline) { [UInt8]($0) }
    }

    /// The received bytes of a connection, in chunks.
    public struct Chunks: AsyncSequence, Sendable {
        /// The bytes of a chunk, at least one.
        public typealias Element = [UInt8]
        /// The error that ends the sequence.
        public typealias Failure = SocketError

        let connection: Connection

        /// Returns an iterator that starts with the first byte that was not consumed.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection) }

        /// An iterator over the chunks.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let connection: Connection

            /// Waits for the next chunk.
            ///
            /// Returns `nil` at the end of the stream.
            ///
            /// - Throws: The errors of ``Connection/read(atMost:timeout:)``.
            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(SocketError) -> [UInt8]? {
                try await connection.nextChunk()
            }
        }
    }

    /// The messages of a connection.
    public struct Messages: AsyncSequence, Sendable {
        /// The bytes of a message.
        public typealias Element = [UInt8]
        /// The error that ends the sequence.
        public typealias Failure = SocketError

        let connection: Connection
        let framing: Framing

        /// Returns an iterator that starts with the first message that was not consumed.
        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(connection: connection, framing: framing)
        }

        /// An iterator over the messages.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let connection: Connection
            let framing: Framing

            /// Waits for the next message.
            ///
            /// Returns `nil` at the end of the stream.
            ///
            /// - Throws: The errors of ``Connection/readMessage(reading:timeout:)``, and
            ///   ``SocketError/Cause/invalidInput(_:)`` if the framing is ``Framing/exactly(_:)``
            ///   with fewer than 1 byte, because a sequence of such messages would never end.
            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(SocketError) -> [UInt8]? {
                if case .exactly(let count) = framing, count < 1 {
                    throw connection.failure(
                        .read,
                        .invalidInput("each message has \(count) bytes: expected at least 1 byte"))
                }
                let message = try await connection.readMessage(reading: framing)
                // At the end of the stream, `toEnd` finds an empty message, which ends the
                // sequence.
                if case .toEnd = framing, message == [] { return nil }
                return message
            }
        }
    }
}
