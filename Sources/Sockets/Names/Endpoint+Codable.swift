extension Endpoint: Codable {
    /// Decodes an endpoint from its text, such as `www.example.com:http` or `udp://localhost:53`.
    ///
    /// See ``init(parsing:transport:)`` for the accepted forms.
    ///
    /// - Parameter decoder: The decoder.
    /// - Throws: `DecodingError`, which names the text if it is not an endpoint.
    public init(from decoder: any Decoder) throws {
        self = try decoder.decodeText(expecting: "expected an endpoint, such as localhost:80") {
            try? Self(parsing: $0)
        }
    }

    /// Encodes the endpoint as its text.
    ///
    /// - Parameter encoder: The encoder.
    /// - Throws: `EncodingError` if the host, the port or the path is not valid, or an error of the
    ///   encoder.
    public func encode(to encoder: any Encoder) throws {
        try encoder.encodeText(description, of: self) { try? Self(parsing: $0) }
    }
}
