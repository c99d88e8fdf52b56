/// A JSON value that is written in one line and keeps the order of an object's members.
indirect enum JSON: Equatable {
    case null
    case boolean(Bool)
    case number(Int)
    case decimal(Double)
    case string(String)
    case array([JSON])
    case object([(String, JSON)])

    /// Returns a JSON string, or null if `text` is nil.
    static func optional(_ text: String?) -> JSON {
        text.map(JSON.string) ?? .null
    }

    /// The text according to RFC 8259, without spaces.
    ///
    /// Control characters, invisible characters and characters that break a line are escaped.
    var text: String {
        switch self {
        case .null: "null"
        case .boolean(let value): value ? "true" : "false"
        case .number(let number): "\(number)"
        case .decimal(let number): number.isFinite ? "\(number)" : "null"
        case .string(let text): Self.quoted(text)
        case .array(let values): "[\(values.map(\.text).joined(separator: ","))]"
        case .object(let members):
            "{\(members.map { "\(Self.quoted($0)):\($1.text)" }.joined(separator: ","))}"
        }
    }

    static func == (left: JSON, right: JSON) -> Bool { left.text == right.text }

    private static func quoted(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "\"") { $0 += escaped($1) } + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
            return String(scalar).utf16.map { unit in
                let digits = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined()
        default:
            return String(scalar)
        }
    }
}
