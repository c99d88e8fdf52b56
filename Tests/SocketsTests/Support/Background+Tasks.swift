extension Background {
    /// Returns the same as `value()`, for async tests, without blocking a thread of the shared
    /// pool.
    func result() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            _ = Background<Void> { [self] in
                continuation.resume(with: Result { try value() })
            }
        }
    }
}
