// All addresses are encoded as their text, such as "192.0.2.7" in JSON.

extension IPv4Address: Codable, TextCodable {
    static var expectedText: String { "an IPv4 address" }
}

extension IPv6Address: Codable, TextCodable {
    static var expectedText: String { "an IPv6 address" }
}

extension IPAddress: Codable, TextCodable {
    static var expectedText: String { "an IP address" }
}

extension SocketAddress: Codable, TextCodable {
    static var expectedText: String { "an address and a port, or a Unix address" }
}

extension UnixAddress: Codable, TextCodable {
    static var expectedText: String { "a Unix address" }

    // The address is encoded as the text of its `SocketAddress`. A relative path has the prefix
    // `unix:`. Bytes that are not UTF-8 appear as `\xNN`, so no byte is lost.
    var codedText: String { SocketAddress.unix(self).description }

    init?(codedText: String) {
        guard case .unix(let address)? = SocketAddress(codedText) else { return nil }
        self = address
    }
}

/// An address that is encoded as its text.
protocol TextCodable: Codable, Equatable {
    /// The description of valid text, for errors.
    static var expectedText: String { get }

    var codedText: String { get }

    init?(codedText: String)
}

extension TextCodable where Self: LosslessStringConvertible {
    var codedText: String { description }

    init?(codedText: String) { self.init(codedText) }
}

extension TextCodable {
    /// Decodes an address from its text.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError` if the value is not a string, or if the string is not an address.
    ///   The error then names the string.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let address = Self(codedText: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription:
                    "cannot decode \(TerminalText.quoted(text)): expected \(Self.expectedText)")
        }
        self = address
    }

    /// Encodes the address as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: `EncodingError` if the zone cannot be the name of an interface, and any error that
    ///   the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try encoder.encodeText(codedText, of: self, expecting: Self.expectedText) {
            Self(codedText: $0)
        }
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
