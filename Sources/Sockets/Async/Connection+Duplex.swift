extension Connection {
    /// Runs the reading half and the writing half of a protocol at the same time, so they cannot
    /// deadlock.
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
    /// Each half is a child task. If a half fails, the other half is cancelled. If the calling task
    /// is cancelled, both halves are cancelled. The call returns when both halves have ended. The
    /// connection stays open.
    ///
    /// - Parameters:
    ///   - reading: The half that reads.
    ///   - writing: The half that writes.
    /// - Returns: The results of both halves.
    /// - Throws: The error of the half that failed first.
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
            guard let input, let output else {
                preconditionFailure("a direction of duplex ended without a value or an error")
            }
            return (input, output)
        }
    }

    private enum Half<Input: Sendable, Output: Sendable>: Sendable {
        case input(Input)
        case output(Output)
    }
}
