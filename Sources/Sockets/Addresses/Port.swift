/// A port of an ``Endpoint``: its number, or the name of the service that lives there.
///
/// A number literal that is no port, such as `70000`, does not compile. A name is looked up when
/// the endpoint is resolved:
///
/// ```swift
/// let web: Port = 80
/// let clock: Port = "daytime"
/// ```
///
/// In a file that imports Foundation too, which has a `Port` of its own, write `Sockets.Port` where
/// the type is named.
public struct Port: Hashable, Sendable {
    private enum Content: Hashable {
        case number(UInt16)
        case service(String)
    }

    private let content: Content

    /// Makes a port of a number; 0 lets the kernel choose when binding.
    public init(_ number: UInt16) {
        content = .number(number)
    }

    /// Makes a port of a service's name, such as `http`, or of digits, such as `80`.
    ///
    /// Text of ASCII digits from 0 to 65535 becomes a number; any other is kept as a name, and
    /// whether there is such a service shows when it is looked up. To have text from outside
    /// checked at once, use ``init(parsing:)``.
    public init(service name: String) {
        content = Port.number(parsing: name).map(Content.number) ?? .service(name)
    }

    /// The port's number; `nil` while it is still the name of a service.
    public var number: UInt16? {
        guard case .number(let number) = content else { return nil }
        return number
    }

    /// The service's name; `nil` when the port is a number.
    public var service: String? {
        guard case .service(let name) = content else { return nil }
        return name
    }

    /// Reads a port's number strictly: ASCII digits only, 0 to 65535; `nil` for any other text.
    ///
    /// One to five digits, so `080` is 80; `+80`, `80x`, `-1`, `0x50`, `٨٠`, spaces and the empty
    /// text are refused.
    public static func number(parsing text: String) -> UInt16? {
        guard text.utf8.count <= 5 else { return nil }
        return Decimal.value(of: text.utf8, maximum: UInt32(UInt16.max)).map(UInt16.init)
    }
}

extension Port: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    /// Makes a port of a number literal: `80`.
    public init(integerLiteral number: UInt16) {
        self.init(number)
    }

    /// Makes a port of a string literal, a service's name or digits: `"http"`, `"80"`.
    public init(stringLiteral name: String) {
        self.init(service: name)
    }
}

extension Port: CustomStringConvertible {
    /// The number in decimal, or the service's name with control characters written `\xNN`.
    public var description: String {
        switch content {
        case .number(let number): String(number)
        case .service(let name): TerminalText.escaped(name)
        }
    }
}
