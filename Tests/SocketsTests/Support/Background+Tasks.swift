extension Background {
    /// Returns the same as `value()`, for async tests: no thread of the shared pool waits.
    func result() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            _ = Background<Void> { [self] in
                continuation.resume(with: Result { try value() })
            }
        }
    }
}
