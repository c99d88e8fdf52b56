/// The client's first message in a handshake, from which a server chooses its identity.
public struct TLSClientHello: Hashable, Sendable {
    /// The server name that the client requested (SNI), in lower case, or `nil` if it requested
    /// none.
    public let serverName: String?
    /// The application protocols that the client offers (ALPN), in its order of preference.
    public let applicationProtocols: [String]

    init(serverName: String? = nil, applicationProtocols: [String] = []) {
        self.serverName = serverName
        self.applicationProtocols = applicationProtocols
    }

    /// Parses the contents of two extensions.
    ///
    /// An extension that the client did not send is empty.
    ///
    /// A damaged extension counts as missing, because OpenSSL refuses the client a moment later.
    init(serverName: [UInt8], protocols: [UInt8]) {
        self.init(
            serverName: Self.name(serverName), applicationProtocols: Self.protocols(protocols))
    }

    /// Returns the name in the extension server_name (RFC 6066, section 3).
    private static func name(_ bytes: [UInt8]) -> String? {
        var bytes = bytes[...]
        guard var list = takeVector(&bytes, lengthBytes: 2), bytes.isEmpty,
            list.popFirst() == 0, let name = takeVector(&list, lengthBytes: 2), list.isEmpty,
            (1...255).contains(name.count), !name.contains(0)
        else { return nil }
        return String(decoding: name, as: UTF8.self).lowercased()
    }

    /// Returns the names in the extension application_layer_protocol_negotiation (RFC 7301).
    private static func protocols(_ bytes: [UInt8]) -> [String] {
        var bytes = bytes[...]
        guard var list = takeVector(&bytes, lengthBytes: 2), bytes.isEmpty else { return [] }
        var names: [String] = []
        while !list.isEmpty {
            guard let name = takeVector(&list, lengthBytes: 1), !name.isEmpty else { return [] }
            names.append(String(decoding: name, as: UTF8.self))
        }
        return names
    }

    /// Removes a length-prefixed vector from the front of `bytes`, and returns its contents.
    ///
    /// Returns `nil` if `bytes` ends before the vector is complete.
    private static func takeVector(
        _ bytes: inout ArraySlice<UInt8>, lengthBytes: Int
    ) -> ArraySlice<UInt8>? {
        guard bytes.count >= lengthBytes else { return nil }
        let length = bytes.prefix(lengthBytes).reduce(0) { $0 << 8 | Int($1) }
        bytes = bytes.dropFirst(lengthBytes)
        guard bytes.count >= length else { return nil }
        defer { bytes = bytes.dropFirst(length) }
        return bytes.prefix(length)
    }
}

/// The closure with which a server chooses its identity for each client.
enum TLSIdentityChooser: Sendable {
    case synchronous(@Sendable (TLSClientHello) throws -> TLSIdentity?)
    case asynchronous(@Sendable (TLSClientHello) async throws -> TLSIdentity?)
}

/// The identity that a server has chosen for a client, or the reason why there is none.
typealias TLSIdentityChoice = Result<TLSIdentity, TLSFailure>

extension TLSIdentityChoice {
    /// Calls a synchronous closure that chooses the identity.
    init(for hello: TLSClientHello, _ choose: (TLSClientHello) throws -> TLSIdentity?) {
        do {
            self = Self.choice(of: try choose(hello), for: hello)
        } catch {
            self = .failure(.noIdentity(serverName: hello.serverName, reason: "\(error)"))
        }
    }

    /// Calls an asynchronous closure that chooses the identity.
    init(for hello: TLSClientHello, _ choose: (TLSClientHello) async throws -> TLSIdentity?) async {
        do {
            self = Self.choice(of: try await choose(hello), for: hello)
        } catch {
            self = .failure(.noIdentity(serverName: hello.serverName, reason: "\(error)"))
        }
    }

    private static func choice(of identity: TLSIdentity?, for hello: TLSClientHello) -> Self {
        identity.map { .success($0) }
            ?? .failure(.noIdentity(serverName: hello.serverName, reason: nil))
    }
}
