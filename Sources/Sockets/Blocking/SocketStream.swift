/// A connected socket as something like a file: reads of a wished size, lines, buffered writes.
///
/// ```swift
/// let stream = try SocketStream(to: .tcp("localhost", port: "daytime"))
/// while let line = try stream.readLine() { print(line) }
/// ```
///
/// What has been received and not yet taken stays in the stream. So a time-out loses nothing: the
/// next call, of whatever kind, goes on with what had arrived. Before a read waits for the peer,
/// what was written is flushed, because the peer may be waiting for it.
///
/// One thread at a time may use a stream. To read on one thread and write on another, give each a
/// stream of its own on the same socket.
public final class SocketStream {
    /// The socket underneath. Receiving from it directly takes bytes away from the stream.
    public let socket: Socket

    // Checking at run time that these are not used twice at once costs more than finding a line.
    // Safe without: no function is called from outside while one of them is being changed, and
    // the stream belongs to one thread at a time.
    @exclusivity(unchecked) var input: ByteBuffer
    @exclusivity(unchecked) var output: ByteBuffer
    @exclusivity(unchecked) var scanner: LineScanner
    var isAtEnd = false
    /// A line is lent to a closure, so its memory must stay as it is.
    @exclusivity(unchecked) @usableFromInline var isLending = false
    /// A write went out only in part; more would continue in the wrong place.
    var isIncomplete = false

    /// Makes a stream of a connected socket.
    ///
    /// - Parameters:
    ///   - socket: of the type `.stream`; others are refused at the first read or write.
    ///   - bufferSize: how many bytes are received or held back at once, for each direction. The
    ///     buffer grows beyond it only for what is asked to be read in one piece.
    ///   - lineLimit: the longest line, in bytes without its end. A peer that never ends its line
    ///     must not fill the memory.
    public init(_ socket: Socket, bufferSize: Int = 65536, lineLimit: Int = 65536) {
        self.socket = socket
        input = ByteBuffer(capacity: bufferSize)
        output = ByteBuffer(capacity: bufferSize)
        scanner = LineScanner(limit: lineLimit)
    }

    /// Connects to an endpoint, and makes a stream of the connection; see
    /// ``Socket/init(to:timeout:options:)``.
    ///
    /// - Parameters:
    ///   - endpoint: The peer, of a stream transport.
    ///   - timeout: The limit of the name lookup and all attempts together.
    ///   - options: The local address, the family and the socket options.
    /// - Throws: The errors of ``Socket/init(to:timeout:options:)``.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10),
        options: ConnectOptions = ConnectOptions()
    ) throws(SocketError) {
        self.init(try Socket(to: endpoint, timeout: timeout, options: options))
    }

    /// Flushes what was written, and closes the socket, also if that fails.
    ///
    /// Can be repeated. A stream that goes away without `close` does not flush.
    ///
    /// - Throws: as `flush`; `unsentRequestBytes` of the error says how many bytes were lost.
    public func close(timeout: TimeLimit = .never) throws(SocketError) {
        defer { socket.close() }
        guard !output.isEmpty else { return }
        do throws(SocketError) {
            try flush(timeout: timeout)
        } catch {
            let lost = output.count
            output.consume(lost)
            throw error.with(unsentRequestBytes: lost)
        }
    }

    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, bytesTransferred: Int = 0
    ) -> SocketError {
        socket.failure(operation, cause, bytesTransferred: bytesTransferred)
    }

    func requireStream(_ operation: SocketError.Operation) throws(SocketError) {
        guard socket.type == .stream else {
            throw failure(
                operation,
                .invalidInput(
                    "a socket of the type \(socket.type): expected one of the type stream"))
        }
    }
}
