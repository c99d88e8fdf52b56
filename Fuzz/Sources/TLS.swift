@testable import Sockets

/// Passes an input to what parses bytes of TLS: extensions, pins, certificates, PEM, and the flights of a peer.
func checkTLS(_ input: [UInt8]) {
    var reader = InputReader(input)
    let kind = reader.byte()
    let bytes = reader.take(input.count)
    switch kind % 7 {
    case 0: checkHello(bytes)
    case 1: checkPin(bytes)
    case 2: checkCertificate(bytes)
    case 3: checkPEM(bytes)
    case 4: checkFlight(bytes, to: TLSInputs.server, isClient: false)
    case 5: checkFlight(bytes, to: TLSInputs.client12, isClient: true)
    default: checkFlight(bytes, to: TLSInputs.client13, isClient: true)
    }
}

/// The configurations of all inputs, because creating one takes longer than a handshake.
private enum TLSInputs {
    static let identity: TLSIdentity = {
        guard let identity = try? TLSIdentity.selfSigned(for: "localhost") else {
            fatalError("OpenSSL is not installed")
        }
        return identity
    }()

    static let server = TLSConfiguration.server(
        clients: .optional(trusting: trust), applicationProtocols: ["h2", "http/1.1"]
    ) { _ in identity }

    static let client12 = client(.tls12)
    static let client13 = client(.tls13)

    private static var trust: TLSTrust {
        guard let trust = try? TLSTrust(certificateOf: identity) else {
            fatalError("OpenSSL does not trust the certificate")
        }
        return trust
    }

    private static func client(_ version: TLSVersion) -> TLSConfiguration {
        var configuration = TLSConfiguration.client(
            serverName: "localhost", trust: trust, applicationProtocols: ["h2"],
            pins: [TLSPin(.certificate, [UInt8](repeating: 1, count: 32))])
        configuration.maximumVersion = version
        return configuration
    }
}

private func checkHello(_ bytes: [UInt8]) {
    let hello = TLSClientHello(serverName: bytes, protocols: bytes)
    let isBounded = (1...1000).contains(hello.serverName?.utf8.count ?? 1)
    require(isBounded, "the name of the server has no bound", "\(bytes)")
    let failure = TLSFailure.noIdentity(serverName: hello.serverName, reason: nil)
    requirePrintable("\(failure)", "\(bytes)")
}

private func checkPin(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    do throws(SocketError) {
        let pin = try TLSPin(parsing: text)
        let again = try? TLSPin(parsing: "\(pin)")
        require(pin == again, "a pin changes in a round trip", text)
    } catch {
        requirePrintable("\(error)", text)
    }
}

private func checkCertificate(_ bytes: [UInt8]) {
    guard let certificate = TLSCertificate(bytes) else { return }
    requirePrintable(certificate.subject + certificate.issuer, "\(bytes)")
    for host in certificate.hosts { requirePrintable(host, "\(bytes)") }
    let failure = TLSFailure.wrongHost(expected: "localhost", names: certificate.hosts)
    requirePrintable("\(failure)", "\(bytes)")
}

private func checkPEM(_ bytes: [UInt8]) {
    do throws(SocketError) {
        _ = try TLSTrust(certificates: bytes)
        _ = try TLSIdentity(certificate: bytes, key: bytes)
    } catch {
        requirePrintable("\(error)", "\(bytes)")
    }
}

/// Passes the flights of a peer to an engine, in two parts.
private func checkFlight(_ bytes: [UInt8], to configuration: TLSConfiguration, isClient: Bool) {
    guard let engine = try? configuration.engine(host: nil, port: nil) else {
        fatalError("the configuration cannot be used")
    }
    if isClient { _ = handshake(engine, []) }
    for part in [bytes[..<(bytes.count / 2)], bytes[(bytes.count / 2)...]] {
        var step = handshake(engine, Array(part))
        if case .wantsIdentity = step {
            engine.use(.success(TLSInputs.identity))
            step = handshake(engine, [])
        }
        switch step {
        case .failed(let failure): return requirePrintable("\(failure)", "\(bytes)")
        case .moved: fatalError("a handshake finished: input \(bytes)")
        default: break
        }
    }
}

private func handshake(_ engine: any TLSEngine, _ bytes: [UInt8]) -> TLSStep {
    bytes.withUnsafeBytes { bytes in
        var pipe = TLSPipe(bytes)
        return engine.handshake(&pipe)
    }
}
