// All addresses are encoded as their text, such as "192.0.2.7" in JSON.

extension IPv4Address: Codable {
    /// Decodes an address from its text, such as `192.0.2.7`.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError` if the value is not a string, or if the string is not an address.
    ///   The error then names the string.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText(expecting: "an IPv4 address") { Self($0) }
    }

    /// Encodes the address as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: Any error that the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try encoder.encodeText(description, of: self, expecting: "an IPv4 address") { Self($0) }
    }
}

extension IPv6Address: Codable {
    /// Decodes an address from its text, such as `2001:db8::7` or `fe80::1%eth0`.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError` if the value is not a string, or if the string is not an address.
    ///   The error then names the string.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText(expecting: "an IPv6 address") { Self($0) }
    }

    /// Encodes the address as its text, with the zone.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: `EncodingError` if the zone cannot be the name of an interface, and any error that
    ///   the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try encoder.encodeText(description, of: self, expecting: "an IPv6 address") { Self($0) }
    }
}

extension IPAddress: Codable {
    /// Decodes an address of either version from its text.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError` if the value is not a string, or if the string is not an address.
    ///   The error then names the string.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText(expecting: "an IP address") { Self($0) }
    }

    /// Encodes the address as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: `EncodingError` if the zone cannot be the name of an interface, and any error that
    ///   the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try encoder.encodeText(description, of: self, expecting: "an IP address") { Self($0) }
    }
}

extension SocketAddress: Codable {
    /// Decodes an address from its text, such as `127.0.0.1:80` or `/run/app.sock`.
    ///
    /// See ``init(_:)`` for the accepted forms.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError` if the value is not a string, or if the string is not an address.
    ///   The error then names the string.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText(expecting: "an address and a port, or a Unix address") {
            Self($0)
        }
    }

    /// Encodes the address as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: `EncodingError` if the zone cannot be the name of an interface, and any error that
    ///   the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try encoder.encodeText(
            description, of: self, expecting: "an address and a port, or a Unix address"
        ) { Self($0) }
    }
}

extension UnixAddress: Codable {
    /// Decodes a Unix address from the text that its ``SocketAddress`` has, such as `/run/app.sock`
    /// or `@name`.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError` if the value is not a string, or if the string is not a Unix
    ///   address. The error then names the string.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText(expecting: "a Unix address", Self.init(socketAddressText:))
    }

    /// Encodes the Unix address as the text that its ``SocketAddress`` has.
    ///
    /// A relative path has the prefix `unix:`. Bytes that are not UTF-8 appear as `\xNN`, so no
    /// byte is lost.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: Any error that the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try encoder.encodeText(
            SocketAddress.unix(self).description, of: self, expecting: "a Unix address",
            Self.init(socketAddressText:))
    }

    private init?(socketAddressText text: String) {
        guard case .unix(let address)? = SocketAddress(text) else { return nil }
        self = address
    }
}

extension Decoder {
    /// Decodes a string and parses it.
    ///
    /// - Throws: `DecodingError` if the value is not a string, or if `parse` returns `nil`.
    fileprivate func decodeText<Value>(
        expecting expectation: String, _ parse: (String) -> Value?
    ) throws -> Value {
        let container = try singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = parse(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription:
                    "cannot decode \(TerminalText.quoted(text)): expected \(expectation)")
        }
        return value
    }
}

extension Encoder {
    /// Encodes a value as its text.
    ///
    /// - Throws: `EncodingError` if `parse` does not turn the text back into the value, because a
    ///   decoder could then not decode it. Any error that the encoder throws.
    func encodeText<Value: Equatable>(
        _ text: String, of value: Value, expecting expectation: String,
        _ parse: (String) -> Value?
    ) throws {
        guard parse(text) == value else {
            throw EncodingError.invalidValue(
                value,
                EncodingError.Context(
                    codingPath: codingPath,
                    debugDescription:
                        "cannot encode \(TerminalText.quoted(text)): expected \(expectation)"))
        }
        var container = singleValueContainer()
        try container.encode(text)
    }
}
