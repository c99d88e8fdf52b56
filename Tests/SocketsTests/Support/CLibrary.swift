import Glibc

/// Parses and prints addresses and names with the C library, for comparison.
enum CLibrary {
    /// Returns the text of `inet_ntop`.
    static func ipv4(of octets: (UInt8, UInt8, UInt8, UInt8)) -> String {
        text(of: [octets.0, octets.1, octets.2, octets.3], family: AF_INET)
    }

    /// Returns the text of `inet_ntop`.
    static func ipv6(of bytes: [UInt8]) -> String {
        text(of: bytes, family: AF_INET6)
    }

    /// Returns whether `inet_pton` accepts the text; false for a text with a NUL, where C would
    /// stop.
    static func isIPv4(_ text: String) -> Bool {
        bytes(of: text, family: AF_INET) != nil
    }

    /// Returns the bytes of `inet_pton`; `nil` if it rejects the text, and for a text with a NUL.
    static func ipv6(_ text: String) -> [UInt8]? {
        bytes(of: text, family: AF_INET6)
    }

    private static func bytes(of text: String, family: Int32) -> [UInt8]? {
        guard !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }

    private static func text(of bytes: [UInt8], family: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        guard inet_ntop(family, bytes, &buffer, socklen_t(buffer.count)) != nil else { return "" }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

extension CLibrary {
    /// Returns the machine's name from `uname`.
    static func hostName() -> String {
        var names = utsname()
        uname(&names)
        return withUnsafeBytes(of: names.nodename) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
