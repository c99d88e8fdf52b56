internal import SystemPackage

/// A layer that encrypts a stream, between the program's bytes and the system calls.
///
/// No method waits. If a system call would wait, the method throws `EAGAIN`. If a method throws
/// `EPROTO`, the object has noted the TLS failure.
protocol EncryptedStream: AnyObject {
    /// Decrypts received bytes.
    ///
    /// If the stream has no received bytes, the method first receives once.
    ///
    /// If `peeking` is true, the next call returns the same bytes again. The method returns 0 at
    /// EOF, and `nil` if the received bytes contain nothing for the program.
    func receiveAtOnce(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, peeking: Bool
    ) throws(Errno) -> Int?

    /// Encrypts bytes and sends them. The stream keeps encrypted bytes that the kernel did not
    /// accept.
    ///
    /// Returns the number of bytes that were encrypted.
    func sendAtOnce(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int

    /// A Boolean value that indicates whether there are encrypted bytes that the kernel has not
    /// accepted.
    var hasUnsent: Bool { get }

    /// Sends encrypted bytes, and returns whether the kernel has accepted all of them.
    func flush(_ descriptor: Int32) throws(Errno) -> Bool

    /// Encrypts the closing alert (close_notify) and sends it.
    func end(_ descriptor: Int32) throws(Errno)
}
