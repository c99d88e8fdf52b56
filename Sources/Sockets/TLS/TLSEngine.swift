/// TLS without I/O: the bytes of the network and of the program are exchanged in memory.
///
/// One call may run at a time, which ``TLSSession`` ensures. A call that returns ``TLSStep/needsInput``
/// has consumed all of the input.
protocol TLSEngine: AnyObject {
    /// Continues the handshake, and returns `.moved` when it has finished.
    func handshake(_ pipe: inout TLSPipe) -> TLSStep
    /// The beginning of the client's handshake, after `.wantsIdentity`.
    var clientHello: TLSClientHello { get }
    /// Answers `.wantsIdentity`; the next call of `handshake` continues or refuses the client.
    func use(_ choice: TLSIdentityChoice)
    /// Decrypts at most one record.
    func read(_ pipe: inout TLSPipe, into buffer: UnsafeMutableRawBufferPointer) -> TLSStep
    /// Decrypts at most one record, whose bytes the next call returns again.
    func peek(_ pipe: inout TLSPipe, into buffer: UnsafeMutableRawBufferPointer) -> TLSStep
    /// Encrypts at most one record.
    func write(_ pipe: inout TLSPipe, _ bytes: UnsafeRawBufferPointer) -> TLSStep
    /// Encrypts close_notify, which ends the direction to the peer.
    func end(_ pipe: inout TLSPipe) -> TLSStep
    /// Changes the keys with the next record, and asks the peer to do the same.
    func updateKeys()
    /// Whether a read may succeed without more input.
    var hasPending: Bool { get }
    /// The version that the handshake has negotiated.
    var version: TLSVersion { get }
    /// The results of the handshake.
    var information: TLSInformation { get }
}

/// The outcome of a call of an engine.
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

/// The bytes of the network that a call of an engine consumes and produces.
struct TLSPipe {
    /// The received bytes, which a call consumes at the front.
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
