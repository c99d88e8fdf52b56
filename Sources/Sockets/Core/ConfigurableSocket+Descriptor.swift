public import SystemPackage

// Access to the descriptor for other code.
extension ConfigurableSocket {
    /// Calls `body` with the descriptor, which the socket keeps.
    ///
    /// Use it for a system call that the library does not offer, or to pass the descriptor to
    /// another library:
    ///
    /// ```swift
    /// try socket.withFileDescriptor { descriptor in
    ///     _ = fcntl(descriptor.rawValue, F_SETSIG, SIGIO)
    /// }
    /// ```
    ///
    /// Until `body` returns, the descriptor is not closed and its number is not reused. If the
    /// socket is closed meanwhile, the descriptor is released after `body`. A connection that no
    /// other descriptor shares still ends at once.
    ///
    /// `body` must not close the descriptor or change its blocking mode (`O_NONBLOCK`). `body` does
    /// not see bytes that the socket has received in advance, and over TLS it sees encrypted bytes.
    /// The call blocks the thread only as long as `body` does.
    ///
    /// `body` may duplicate the descriptor or send it to another process. Afterwards, the socket
    /// therefore behaves as if it had a duplicate; see ``Connection/duplicate()`` and
    /// ``Socket/duplicate()``.
    ///
    /// - Parameter body: The code that uses the descriptor.
    /// - Returns: The result of `body`.
    /// - Throws: ``SocketError`` with one of these causes, or the error of `body`:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is a sharded ``Listener``, which
    ///     has several descriptors.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func withFileDescriptor<Success>(
        _ body: (FileDescriptor) throws -> Success
    ) throws -> Success {
        let owner = _access.owner
        let descriptor = try owner.beginLending()
        defer { owner.endLending() }
        return try body(descriptor)
    }

    /// Calls an async `body` with the descriptor, which the socket keeps.
    ///
    /// ```swift
    /// try await listener.withFileDescriptor { descriptor in
    ///     try await connection.send("listener", descriptors: [descriptor])
    /// }
    /// ```
    ///
    /// The rules of the synchronous method apply: `body` must not close the descriptor or change
    /// its blocking mode, and afterwards the socket behaves as if it had a duplicate.
    ///
    /// - Parameter body: The code that uses the descriptor.
    /// - Returns: The result of `body`.
    /// - Throws: ``SocketError`` with one of these causes, or the error of `body`:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is a sharded ``Listener``, which
    ///     has several descriptors.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func withFileDescriptor<Success>(
        _ body: (FileDescriptor) async throws -> Success
    ) async throws -> Success {
        let owner = _access.owner
        let descriptor = try owner.beginLending()
        defer { owner.endLending() }
        return try await body(descriptor)
    }
}

extension DescriptorOwner {
    /// Begins a call in which the program uses the descriptor, and returns the descriptor.
    fileprivate func beginLending() throws(SocketError) -> FileDescriptor {
        var number: Int32 = -1
        // If the socket closes between the two calls of `enter`, the next `call` throws.
        while try !call(
            .useDescriptor, nil,
            { descriptor throws(Errno) in
                number = descriptor
                return enter()
            })
        {}
        willLendDescriptor()
        return FileDescriptor(rawValue: number)
    }

    fileprivate func endLending() {
        didLendDescriptor()
        leave()
    }
}
