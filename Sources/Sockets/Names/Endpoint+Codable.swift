extension Endpoint: Codable {
    /// Decodes an endpoint from its text, such as `www.example.com:http` or `udp://localhost:53`.
    ///
    /// See ``init(parsing:transport:)`` for the accepted forms.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError` if the value is not a string, or if the string is not an endpoint.
    ///   The error then says what is wrong, and its underlying error is the ``SocketError`` that
    ///   ``init(parsing:transport:)`` throws.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText { text throws(SocketError) in try Self(parsing: text) }
    }

    /// Encodes the endpoint as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: `EncodingError` if the host, the port or the path is not valid, and any error that
    ///   the encoder throws.
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
    /// - Throws: `DecodingError` if the value is not a string, or if the string is not a prefix.
    ///   The error then says what is wrong, and its underlying error is the ``SocketError`` that
    ///   ``init(parsing:)`` throws.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText { text throws(SocketError) in try Self(parsing: text) }
    }

    /// Encodes the prefix as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: Any error that the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Decoder {
    /// Decodes a string and parses it with a parser whose error names the string.
    ///
    /// - Throws: `DecodingError` if the value is not a string, or if `parse` throws.
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
