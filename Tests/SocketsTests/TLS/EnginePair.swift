@testable import Sockets

/// A client's and a server's engine, whose bytes of the network are exchanged in memory.
struct EnginePair {
    let client: any TLSEngine
    let server: any TLSEngine
    private let identityChooser: TLSIdentityChooser?
    private(set) var toClient: [UInt8] = []
    private(set) var toServer: [UInt8] = []

    enum End { case client, server }

    init(
        client: TLSConfiguration, server: TLSConfiguration, host: String? = "localhost"
    ) throws {
        self.client = try client.engine(host: host, port: 443)
        self.server = try server.engine(host: nil, port: nil)
        identityChooser = server.identityChooser
    }

    /// Runs a call of one end with the bytes that it has received, and stores the bytes that it sends.
    mutating func call(_ end: End, _ body: (any TLSEngine, inout TLSPipe) -> TLSStep) -> TLSStep {
        let input = end == .client ? toClient : toServer
        let (step, rest, output) = input.withUnsafeBytes { input in
            var pipe = TLSPipe(input)
            let step = body(end == .client ? client : server, &pipe)
            return (step, Array(pipe.input), pipe.overflow)
        }
        if end == .client {
            toClient = rest
            toServer += output
        } else {
            toServer = rest
            toClient += output
        }
        return step
    }

    /// Exchanges flights until both ends have finished, and returns the failure of each end.
    mutating func handshake() -> (client: TLSFailure?, server: TLSFailure?) {
        var failures: (client: TLSFailure?, server: TLSFailure?) = (nil, nil)
        var (isClientDone, isServerDone) = (false, false)
        for _ in 0..<10 where !(isClientDone && isServerDone) {
            if !isClientDone {
                switch call(.client, { $0.handshake(&$1) }) {
                case .moved: isClientDone = true
                case .failed(let failure): (failures.client, isClientDone) = (failure, true)
                default: break
                }
            }
            if !isServerDone {
                switch call(.server, { $0.handshake(&$1) }) {
                case .moved: isServerDone = true
                case .failed(let failure): (failures.server, isServerDone) = (failure, true)
                case .wantsIdentity:
                    if case .synchronous(let choose) = identityChooser {
                        server.use(TLSIdentityChoice(for: server.clientHello, choose))
                    }
                default: break
                }
            }
        }
        return failures
    }

    /// Encrypts bytes at one end.
    mutating func write(_ bytes: [UInt8], from end: End) -> TLSStep {
        call(end) { engine, pipe in bytes.withUnsafeBytes { engine.write(&pipe, $0) } }
    }

    /// Decrypts bytes at one end.
    mutating func read(_ end: End, peeking: Bool = false) -> (step: TLSStep, bytes: [UInt8]) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let step = call(end) { engine, pipe in
            buffer.withUnsafeMutableBytes {
                peeking ? engine.peek(&pipe, into: $0) : engine.read(&pipe, into: $0)
            }
        }
        guard case .moved(let count) = step else { return (step, []) }
        return (step, Array(buffer[..<count]))
    }
}

extension TLSStep {
    /// The failure, or `nil`.
    var failure: TLSFailure? {
        if case .failed(let failure) = self { failure } else { nil }
    }

    /// Whether the peer has ended its direction.
    var isEnd: Bool {
        if case .ended = self { true } else { false }
    }
}
