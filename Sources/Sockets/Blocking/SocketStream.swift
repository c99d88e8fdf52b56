/// A connected socket with buffered, file-like reads and writes.
///
/// ```swift
/// let stream = try SocketStream(to: .tcp("localhost", port: "daytime"))
/// while let line = try stream.readLine() { print(line) }
/// ```
///
/// Bytes that were received but not yet consumed stay in the stream, so a timeout loses nothing,
/// and a read of another kind returns these bytes first. Before a read waits for the peer, it
/// flushes the written bytes, because the peer may be waiting for them.
///
/// One thread at a time may use a stream. To read on one thread and write on another, give each
/// thread a stream on the same socket. Calls may block the thread; the async counterpart is
/// ``Connection``.
public final class SocketStream: ConfigurableSocket {
    /// The underlying socket.
    ///
    /// Bytes that the program receives directly from the socket do not reach the stream.
    public let socket: Socket

    // Run-time exclusivity checks are disabled, because they would cost more than finding a line.
    // This is safe because no outside code runs while these properties change, and only one thread
    // at a time uses the stream.
    @exclusivity(unchecked) var input: ByteBuffer
    @exclusivity(unchecked) var output: ByteBuffer
    @exclusivity(unchecked) var scanner: LineScanner
    var isAtEnd = false
    /// The number of closures that are using the bytes in the buffer, so the buffer must not change.
    ///
    /// It is a number and not a Boolean value, because a closure may read a second line.
    @exclusivity(unchecked) @usableFromInline var borrowers = 0
    /// A Boolean value that indicates whether a write ended part-way, so further bytes would
    /// continue in the middle of a message.
    var isIncomplete = false

    /// The maximum length of a line in bytes, without its line ending.
    ///
    /// It limits the memory that a peer can fill with an endless line. It also applies to a message
    /// that ends with a delimiter, including the delimiter, unless the call has its own `limit:`.
    /// Values below 0 mean 0.
    public var lineLimit: Int {
        get { scanner.limit }
        set { scanner.limit = LineScanner.clamped(newValue) }
    }

    /// Creates a stream on a connected socket.
    ///
    /// - Parameters:
    ///   - socket: A socket of the type ``SocketType/stream``. The first read or write rejects
    ///     other types.
    ///   - bufferSize: The size in bytes of the buffer for each direction. A buffer grows only for
    ///     a read that requests more bytes at once.
    ///   - lineLimit: The maximum length of a line in bytes, without its line ending. It limits the
    ///     memory that a peer can fill with an endless line.
    public init(_ socket: Socket, bufferSize: Int = 65536, lineLimit: Int = 65536) {
        self.socket = socket
        input = ByteBuffer(capacity: bufferSize)
        output = ByteBuffer(capacity: bufferSize)
        scanner = LineScanner(limit: lineLimit)
    }

    /// Connects to an endpoint and creates a stream on the connection; see
    /// ``Socket/init(to:timeout:tls:options:)``.
    ///
    /// - Parameters:
    ///   - endpoint: The peer's endpoint, which must have a stream transport.
    ///   - timeout: The time limit for the name lookup, all attempts, the proxies and the TLS
    ///     handshake together.
    ///   - tls: How to use TLS, such as `.client()`, or `nil` for a plain connection.
    ///   - options: The local address, the family, the socket options and the proxies.
    /// - Throws: The errors of ``Socket/init(to:timeout:tls:options:)``.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), tls: TLSConfiguration? = nil,
        options: ConnectOptions = ConnectOptions()
    ) throws(SocketError) {
        self.init(try Socket(to: endpoint, timeout: timeout, tls: tls, options: options))
    }

    /// The access to the descriptor, for the library's own use.
    public var _access: _DescriptorAccess { socket._access }

    /// The results of the TLS handshake, or `nil` without TLS.
    public var tls: TLSInformation? { socket.tls }

    /// Flushes the written bytes and starts TLS, as the SMTP command STARTTLS does.
    ///
    /// On a client, the call fails if the stream contains unread bytes, because an attacker may
    /// have injected them. On a server, such bytes are part of the handshake.
    ///
    /// - Parameters:
    ///   - configuration: Whether this side is the client or the server, and how it uses TLS. A
    ///     client needs ``TLSConfiguration/serverName``.
    ///   - timeout: The time limit for the flush and the handshake together.
    /// - Throws: The errors of ``flush(timeout:)`` and ``Socket/startTLS(_:timeout:)``, and
    ///   ``SocketError/Cause/tls(_:)`` with ``TLSFailure/bytesBeforeTLS(_:)`` if a client has
    ///   unread bytes.
    public func startTLS(
        _ configuration: TLSConfiguration, timeout: TimeLimit = .seconds(10)
    ) throws(SocketError) {
        try requireBuffer(for: .startTLS)
        let deadline = Deadline(startingNow: timeout)
        try flush(deadline, isFirst: true)
        let received = [UInt8](input.bytes)
        guard received.isEmpty || configuration.role == .server else {
            throw socket.failure(.startTLS, .tls(.bytesBeforeTLS(Array(received.prefix(64)))))
        }
        try socket.startTLS(
            configuration, to: nil, received: received, deadline, isFirst: false)
        input.consume(received.count)
        scanner.restart()
    }

    /// Flushes the written bytes and closes the socket, even if the flush fails.
    ///
    /// A second close does nothing. A stream that is released without `close` does not flush its
    /// bytes. The call blocks the thread.
    ///
    /// - Parameter timeout: The time limit for the flush.
    /// - Throws: The errors of ``flush(timeout:)``. ``SocketError/unsentRequestBytes`` is the
    ///   number of lost bytes.
    public func close(timeout: TimeLimit = .never) throws(SocketError) {
        defer { socket.close() }
        guard !output.isEmpty || socket.hasUnsent else { return }
        do throws(SocketError) {
            try flush(timeout: timeout)
        } catch {
            let lost = output.count
            output.consume(lost)
            throw error.with(unsentRequestBytes: lost)
        }
    }

    /// Discards the written bytes, resets the connection and closes the socket; see
    /// ``Socket/abort()``.
    public func abort() {
        output.consume(output.count)
        socket.abort()
    }
}
