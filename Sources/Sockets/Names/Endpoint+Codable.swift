extension Endpoint: Codable {
    /// Decodes an endpoint from its text, such as `www.example.com:http` or `udp://localhost:53`.
    ///
    /// See ``init(parsing:transport:)`` for the accepted forms.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError`, which says what is wrong with the text. Its underlying error is
    ///   the ``SocketError`` of ``init(parsing:transport:)``.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText { text throws(SocketError) in try Self(parsing: text) }
    }

    /// Encodes the endpoint as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: `EncodingError` if the host, the port or the path is not valid, or an error of the
    ///   encoder.
    public func encode(to encoder: any Encoder) throws {
        try encoder.encodeText(
            description, of: self, expecting: "an endpoint, such as localhost:80"
        ) { try? Self(parsing: $0) }
    }
}

extension IPPrefix: Codable {
    /// Decodes a prefix from its text, such as `10.0.0.0/8`.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError`, which says what is wrong with the text. Its underlying error is
    ///   the ``SocketError`` of ``init(parsing:)``.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText { text throws(SocketError) in try Self(parsing: text) }
    }

    /// Encodes the prefix as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: An error of the encoder.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Decoder {
    /// Decodes a text with a parser whose error names the text.
    ///
    /// - Throws: `DecodingError` if there is no text, or if `parse` throws.
    fileprivate func decodeText<Value>(
        _ parse: (String) throws(SocketError) -> Value
    ) throws -> Value {
        let text = try singleValueContainer().decode(String.self)
        do throws(SocketError) {
            return try parse(text)
        } catch {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: codingPath, debugDescription: "\(error)", underlyingError: error))
        }
    }
}
