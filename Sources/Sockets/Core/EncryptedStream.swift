internal import SystemPackage

/// What encrypts a stream: it stands between the bytes of the program and the system calls.
///
/// No call waits. Where a system call would wait, a call throws `EAGAIN`. After `EPROTO`, the
/// stream itself knows what failed.
protocol EncryptedStream: AnyObject {
    /// Decrypts received bytes, and receives once if there are none.
    ///
    /// With `peeking`, the next call returns the same bytes again. Returns 0 at the end of the
    /// stream, and `nil` if the received bytes contain nothing for the program.
    func receiveAtOnce(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, peeking: Bool
    ) throws(Errno) -> Int?

    /// Encrypts bytes and sends them. The stream keeps encrypted bytes that the kernel did not
    /// accept.
    ///
    /// Returns the number of bytes that were encrypted.
    func sendAtOnce(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int

    /// Whether the kernel has not accepted all encrypted bytes.
    var hasUnsent: Bool { get }

    /// Sends encrypted bytes, and returns whether the kernel has accepted all of them.
    func flush(_ descriptor: Int32) throws(Errno) -> Bool

    /// Encrypts the end of the stream and sends it.
    func end(_ descriptor: Int32) throws(Errno)
}
