public import SystemPackage

/// An async stream over a descriptor that is not a socket: a pipe, a terminal, a tunnel, inotify.
///
/// ```swift
/// let input = try DescriptorStream(adopting: FileDescriptor.standardInput.duplicate())
/// while let line = try await input.readLine() { print("read:", line) }
/// ```
///
/// Every descriptor works for which epoll(7) can wait. A regular file and `/dev/null` are always
/// ready, so a loop cannot wait for them; use `FileDescriptor`.
///
/// The stream makes one system call per read or write, so a read from inotify(7) returns whole
/// events, and a read or write of a tunnel is one packet. Give such reads a buffer that is large
/// enough. Writing to a pipe without a reader throws `brokenPipe` and raises no signal.
///
/// A read that returns 0 bytes is the end of the stream. So a terminal in noncanonical mode needs a
/// `VMIN` of at least 1, because otherwise a read without input returns 0 (termios(3)).
public final class DescriptorStream: ByteStream, @unchecked Sendable {
    // Safe for the reasons of `ByteStream`; this class has only constants of its own.

    private let pollable: PollableDescriptor

    /// Creates a stream that takes ownership of a descriptor.
    ///
    /// The stream closes the descriptor. The initializer sets close-on-exec. If the initializer
    /// throws, the caller still owns the descriptor.
    ///
    /// Reading without blocking needs `O_NONBLOCK` (open(2)), which other programs may share with
    /// this one, such as the shell on the same terminal. So the stream opens a terminal once more,
    /// and leaves the mode of the shared descriptor alone. Of other descriptors, and of a terminal
    /// that cannot be opened, the stream changes the mode, and restores it in
    /// ``ByteStream/close()`` and ``release()``. Until then, a program that shares the descriptor
    /// gets `EAGAIN` instead of waiting. If this program ends without closing the stream, the mode
    /// stays changed.
    ///
    /// While the stream is open, no other code may make such a descriptor blocking again, because a
    /// call could then block the loop. The close of another stream does that too if both streams
    /// adopted duplicates of one blocking descriptor (dup(2)). So adopt only one of them, or close
    /// first the stream that was created last.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor.
    ///   - group: The loop group. The stream belongs to one of its loops.
    /// - Throws: ``SocketError/Cause/system(_:)`` with `notPermitted` if the descriptor is always
    ///   ready, such as a regular file or a directory, with `badFileDescriptor` if it is not open or
    ///   was opened with `O_PATH`, or with `tooManyOpenFiles` if no descriptors are left, because a
    ///   stream uses a second one.
    public init(
        adopting descriptor: FileDescriptor, group: LoopGroup = .shared
    ) throws(SocketError) {
        let loop = group.next()
        try loop.checkStarted()
        let adopted: (source: EventSource, device: PollableDescriptor)
        do throws(Errno) {
            adopted = try PollableDescriptor.adopt(descriptor.rawValue, on: loop)
        } catch {
            throw SocketError(
                .adopt, .system(error), subject: "descriptor \(descriptor.rawValue)",
                hint: error == .notPermitted
                    ? "A loop cannot wait for a file that is always ready. Use FileDescriptor."
                    : nil)
        }
        pollable = adopted.device
        super.init(adopted.source, adopted.device)
    }

    /// Transfers ownership of the descriptor to the caller, which must close it.
    ///
    /// Later calls on the stream throw ``SocketError/Cause/closed``. The descriptor gets back the
    /// blocking mode that it had when it was adopted. Close-on-exec stays set. While received bytes
    /// have not been read, `release` throws, so that they are not lost.
    ///
    /// - Returns: The descriptor.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `resourceBusy` if another call has not ended.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if received bytes have not been read.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    public func release() throws(SocketError) -> FileDescriptor {
        do throws(WaitFailure) {
            System.close(
                try source.releaseDescriptor {
                    input.isEmpty
                        ? nil : "the program has not read \(input.count.bytes) of its input"
                })
        } catch {
            throw failure(.release, error.cause)
        }
        guard let descriptor = pollable.takeOriginal() else { throw failure(.release, .closed) }
        return FileDescriptor(rawValue: descriptor)
    }
}

/// The descriptor of a ``DescriptorStream``.
///
/// The source owns a second descriptor, which the loop registers and the calls use. So the original
/// stays intact if adopting it fails, and `release` returns it.
private final class PollableDescriptor: ByteDevice {
    private struct Original {
        let number: Int32
        let restoresBlocking: Bool
    }

    let name: String
    let onlyDirection: ShutdownDirection?
    private let descriptor: Int32
    /// The adopted descriptor, or `nil` after `close`.
    ///
    /// Each call holds the lock, because a call after the restored mode could block the loop.
    private let original: Lock<Original?>

    private init(
        _ original: Original, _ descriptor: Int32, _ onlyDirection: ShutdownDirection?
    ) {
        name = "the stream on descriptor \(original.number)"
        self.descriptor = descriptor
        self.onlyDirection = onlyDirection
        self.original = Lock(original)
    }

    /// Registers a descriptor with a loop, and takes ownership of it unless the call throws.
    static func adopt(
        _ number: Int32, on loop: EventLoop
    ) throws(Errno) -> (EventSource, PollableDescriptor) {
        let onlyDirection = try System.onlyDirection(of: number)
        let isBlocking = try System.isBlocking(number)
        let reopened = System.reopenTerminal(number, onlyDirection)
        let own =
            if let reopened { reopened } else { try System.duplicate(number, fromUser: true) }
        let source = try EventSource(owning: OwnedDescriptor(own), with: .foreign, on: loop)
        do throws(Errno) {
            try System.setCloseOnExec(number)
            if reopened == nil { try System.setBlocking(number, false) }
        } catch {
            source.close(isConnection: false)
            throw error
        }
        let original = Original(
            number: number, restoresBlocking: reopened == nil && isBlocking)
        return (source, PollableDescriptor(original, own, onlyDirection))
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try call { () throws(Errno) in try System.read(descriptor, buffer) }
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try call { () throws(Errno) in try System.write(descriptor, bytes) }
    }

    func shutdown(_ direction: ShutdownDirection) throws(Errno) {
        try call { () throws(Errno) in try System.shutdown(descriptor, direction) }
    }

    func close() {
        if let descriptor = takeOriginal() { System.close(descriptor) }
    }

    /// Returns the adopted descriptor in its original mode, or `nil` if it was taken before.
    func takeOriginal() -> Int32? {
        original.withLock { original in
            guard let taken = original.take() else { return nil }
            // An error would mean that the descriptor is not open.
            if taken.restoresBlocking { try? System.setBlocking(taken.number, true) }
            return taken.number
        }
    }

    private func call<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        try original.withLock { original throws(Errno) in
            guard original != nil else { throw .badFileDescriptor }
            return try body()
        }
    }
}
