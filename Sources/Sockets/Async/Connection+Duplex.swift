// Both directions at once.
extension Connection {
    /// Runs two pieces of a protocol at the same time, one that reads and one that writes, and
    /// returns what they return.
    ///
    /// ```swift
    /// let (answers, _) = try await connection.duplex { connection in
    ///     try await connection.readToEnd()
    /// } writing: { connection in
    ///     for question in questions { try await connection.write(question) }
    ///     try connection.shutdown(.write)
    /// }
    /// ```
    ///
    /// Each is a child task. When one fails, or the caller is cancelled, the other is cancelled too,
    /// and nobody is left behind. Neither half is ended by itself: the connection goes on.
    ///
    /// - Throws: what the first of the two to fail throws.
    public func duplex<Input: Sendable, Output: Sendable>(
        reading: @escaping @Sendable (Connection) async throws -> Input,
        writing: @escaping @Sendable (Connection) async throws -> Output
    ) async throws -> (Input, Output) {
        try await withThrowingTaskGroup(of: Half<Input, Output>.self) { halves in
            halves.addTask { .input(try await reading(self)) }
            halves.addTask { .output(try await writing(self)) }
            var input: Input?
            var output: Output?
            while let half = try await halves.next() {
                switch half {
                case .input(let value): input = value
                case .output(let value): output = value
                }
            }
            guard let input, let output else { preconditionFailure("a half did not end") }
            return (input, output)
        }
    }

    private enum Half<Input: Sendable, Output: Sendable>: Sendable {
        case input(Input)
        case output(Output)
    }
}
