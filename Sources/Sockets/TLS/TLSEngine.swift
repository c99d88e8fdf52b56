/// TLS without I/O, whose encrypted and decrypted bytes are exchanged in memory.
///
/// Only one call may run at a time, which ``TLSSession`` ensures. A call that returns
/// ``TLSStep/needsInput`` has consumed all of the input.
protocol TLSEngine: AnyObject {
    /// Continues the handshake, and returns `.moved` when it has finished.
    func handshake(_ pipe: inout TLSPipe) -> TLSStep
    /// The client's ClientHello, which is available after `.wantsIdentity`.
    var clientHello: TLSClientHello { get }
    /// Passes the choice that `.wantsIdentity` requested.
    ///
    /// The next call of `handshake` then continues the handshake or refuses the client.
    func use(_ choice: TLSIdentityChoice)
    /// Decrypts at most one record.
    func read(_ pipe: inout TLSPipe, into buffer: UnsafeMutableRawBufferPointer) -> TLSStep
    /// Decrypts at most one record, and leaves the bytes for the next call.
    func peek(_ pipe: inout TLSPipe, into buffer: UnsafeMutableRawBufferPointer) -> TLSStep
    /// Encrypts at most one record.
    func write(_ pipe: inout TLSPipe, _ bytes: UnsafeRawBufferPointer) -> TLSStep
    /// Encrypts close_notify, which ends the sending direction.
    func end(_ pipe: inout TLSPipe) -> TLSStep
    /// Schedules a key update, which the next `write` sends, and requests one from the peer.
    func updateKeys()
    /// A Boolean value that indicates whether a read may succeed without more input.
    var hasPending: Bool { get }
    /// The version that the handshake has negotiated.
    var version: TLSVersion { get }
    /// The results of the handshake.
    var information: TLSInformation { get }
}

/// The outcome of a call to an engine.
enum TLSStep {
    /// The number of the program's bytes that were encrypted or decrypted.
    case moved(Int)
    case needsInput
    /// A server must choose its identity for the client.
    case wantsIdentity
    /// The peer sent close_notify.
    case ended
    case failed(TLSFailure)
}

/// The encrypted bytes that a call to an engine consumes and produces.
struct TLSPipe {
    /// The received encrypted bytes.
    ///
    /// Each call removes the bytes that it has processed from the front.
    var input: UnsafeRawBufferPointer
    /// The memory for bytes to send.
    let output: UnsafeMutableRawBufferPointer
    /// The number of bytes in `output`.
    var written = 0
    /// The bytes that did not fit into `output`.
    var overflow: [UInt8] = []

    init(
        _ input: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        output: UnsafeMutableRawBufferPointer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    ) {
        self.input = input
        self.output = output
    }

    /// The free part of `output` in bytes.
    var room: Int { output.count - written }

    /// The used part of `output`.
    var outgoing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: output[..<written]) }
}
