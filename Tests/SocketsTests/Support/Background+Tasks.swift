extension Background {
    /// As `value()`, for tests that are tasks: no thread of the shared pool waits.
    func result() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            _ = Background<Void> { [self] in
                continuation.resume(with: Result { try value() })
            }
        }
    }
}
