internal import SystemPackage

/// A type that can make system calls on a descriptor: `Socket`, `Connection`, `PacketConnection`,
/// `Listener`, `DatagramChannel`.
protocol DescriptorOwner: ConfigurableSocket {
    var family: AddressFamily { get }

    /// The error that broke the connection.
    ///
    /// The default is `nil`, for a type that is never a connection.
    var connectionError: ConnectionError? { get }

    /// Makes a system call that does not wait.
    func call<Result>(
        _ operation: SocketError.Operation, _ subject: String?,
        _ body: (Int32) throws(Errno) -> Result
    ) throws(SocketError) -> Result

    /// Records that the program has set an option by level and number.
    func didSetRawOption()

    /// Records that the program may have set `SO_LINGER`.
    func didSetLinger()

    /// Records that the program is about to use the descriptor directly.
    func willLendDescriptor()

    /// Records that the program has used the descriptor directly.
    ///
    /// Any option may have changed, and other code may have a duplicate from now on.
    func didLendDescriptor()

    /// Begins a call on the descriptor; returns `false` if the socket is closed.
    func enter() -> Bool

    /// Ends a call.
    func leave()
}

extension DescriptorOwner {
    var connectionError: ConnectionError? { nil }

    /// The number of bytes that `finish` discards before it gives up.
    static var finishLimit: Int { 16 << 20 }

    /// Does nothing, because only `Socket` depends on options that the program can set.
    func didSetRawOption() {}

    func willLendDescriptor() {}

    /// Shuts down one or both directions of a connection: shutdown(2).
    func end(_ direction: ShutdownDirection) throws(SocketError) {
        try call(.shutdown, nil) { descriptor throws(Errno) in
            try System.shutdown(descriptor, direction)
        }
    }
}
