/// A port of an ``Endpoint``: a number, or the name of a service.
///
/// A number literal outside the range, such as `70000`, does not compile. A name is looked up when
/// the endpoint is resolved.
///
/// ```swift
/// let web: Port = 80
/// let clock: Port = "daytime"
/// ```
///
/// Foundation declares another `Port`, so write `Sockets.Port` in a file that imports both modules.
public struct Port: Hashable, Sendable {
    private enum Content: Hashable {
        case number(UInt16)
        case service(String)
    }

    private let content: Content

    /// Creates a port from a number.
    ///
    /// - Parameter number: The number. When binding, 0 lets the kernel choose a port.
    public init(_ number: UInt16) { content = .number(number) }

    /// Creates a port from a service's name, such as `http`, or from digits, such as `80`.
    ///
    /// ASCII digits from 0 to 65535 become a number, and any other text becomes a name. The service
    /// is looked up later, so it need not exist yet. To validate untrusted text, use
    /// ``init(parsing:)``.
    ///
    /// - Parameter name: The name or the digits.
    public init(service name: String) {
        content = Port.number(parsing: name).map(Content.number) ?? .service(name)
    }

    /// The port's number; `nil` if the port is a service's name.
    public var number: UInt16? {
        guard case .number(let number) = content else { return nil }
        return number
    }

    /// The service's name; `nil` if the port is a number.
    public var service: String? {
        guard case .service(let name) = content else { return nil }
        return name
    }

    /// Parses a port number from 0 to 65535 in ASCII digits; returns `nil` for any other text.
    ///
    /// The text may have one to five digits, so `080` is 80. `+80`, `80x`, `-1`, `0x50`, `٨٠`,
    /// spaces and the empty text are rejected.
    ///
    /// - Parameter text: The digits.
    /// - Returns: The port number, or `nil`.
    public static func number(parsing text: String) -> UInt16? {
        guard text.utf8.count <= 5 else { return nil }
        return Decimal.value(of: text.utf8, maximum: UInt32(UInt16.max)).map(UInt16.init)
    }
}

extension Port: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    /// Creates a port from a number literal, such as `80`.
    public init(integerLiteral number: UInt16) { self.init(number) }

    /// Creates a port from a string literal: a service's name or digits, such as `"http"` or
    /// `"80"`.
    public init(stringLiteral name: String) { self.init(service: name) }
}

extension Port: CustomStringConvertible {
    /// The number in decimal, or the service's name with control characters as `\xNN`.
    public var description: String {
        switch content {
        case .number(let number): String(number)
        case .service(let name): TerminalText.escaped(name)
        }
    }
}
