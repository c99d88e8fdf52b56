@testable import Sockets

/// Returns the cause of the `SocketError` that `body` throws, or `nil` for another error or none.
func cause(_ body: () throws -> Void) -> SocketError.Cause? {
    do {
        try body()
        return nil
    } catch {
        return (error as? SocketError)?.cause
    }
}

/// Returns the cause of the `SocketError` that `body` throws, or `nil` for another error or none.
func asyncCause(_ body: () async throws -> Void) async -> SocketError.Cause? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? SocketError)?.cause
    }
}
