@testable import Sockets

extension Connection {
    /// Sends back what comes, until the end.
    func echoForTests() async throws(SocketError) {
        while true {
            let bytes = try await read()
            if bytes.isEmpty { return }
            try await write(bytes)
        }
    }
}

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
