/// Parsers of the replies of proxies.
///
/// The parsers perform no I/O. The argument of a parser is at least one byte from the start of a
/// reply. The parser returns `nil` if the reply is incomplete, so all of these bytes belong to the
/// reply. Otherwise it returns the length of the reply, because the bytes after the reply come from
/// the peer. The result does not depend on how many bytes follow the reply.
enum ProxyReply {
    /// The maximum length of an HTTP reply in bytes.
    static let limit = 16384

    /// Parses the reply to the SOCKS5 greeting: the method of authentication (RFC 1928, section 3).
    static func socks5Method(
        _ bytes: [UInt8]
    ) throws(ProxyFailure) -> (consumed: Int, value: UInt8)? {
        guard bytes[0] == 5 else { throw unexpected(bytes) }
        return bytes.count < 2 ? nil : (2, bytes[1])
    }

    /// Parses the reply to a user and a password (RFC 1929, section 2).
    ///
    /// The version is not checked, because some proxies send 5 instead of 1.
    static func socks5Authentication(_ bytes: [UInt8]) throws(ProxyFailure) -> Int? {
        guard bytes.count >= 2 else { return nil }
        guard bytes[1] == 0 else { throw .authenticationRefused }
        return 2
    }

    /// Parses the reply to the SOCKS5 request (RFC 1928, section 6).
    static func socks5Connect(_ bytes: [UInt8]) throws(ProxyFailure) -> Int? {
        guard bytes[0] == 5 else { throw unexpected(bytes) }
        guard bytes.count >= 2 else { return nil }
        // Some proxies send only a part of a negative reply.
        guard bytes[1] == 0 else { throw .socks5Reply(bytes[1]) }
        guard bytes.count >= 5 else {
            guard bytes.count < 4 || [1, 3, 4].contains(bytes[3]) else {
                throw unexpected(bytes)
            }
            return nil
        }
        let length: Int
        switch bytes[3] {
        case 1: length = 4
        case 3: length = 1 + Int(bytes[4])
        case 4: length = 16
        default: throw unexpected(bytes)
        }
        let end = 4 + length + 2
        return bytes.count < end ? nil : end
    }

    /// Parses the reply to the SOCKS4 request.
    static func socks4Connect(_ bytes: [UInt8]) throws(ProxyFailure) -> Int? {
        guard bytes[0] == 0 else { throw unexpected(bytes) }
        guard bytes.count >= 2 else { return nil }
        guard bytes[1] == 90 else { throw .socks4Reply(bytes[1]) }
        return bytes.count < 8 ? nil : 8
    }

    /// Parses the reply to CONNECT (RFC 9110, section 9.3.6; RFC 9112, section 4).
    ///
    /// A successful reply has no content, so it ends with its header. Interim replies (1xx) count
    /// as a part of the reply that follows them. A line may end without a carriage return (RFC
    /// 9112, section 2.2).
    static func httpConnect(_ bytes: [UInt8]) throws(ProxyFailure) -> Int? {
        // Parse only the bytes up to the limit, so that the result does not depend on how many
        // bytes arrive at once.
        let bytes = bytes.prefix(limit)
        var start = 0
        while let lineEnd = try statusLineEnd(bytes[start...]) {
            let status = try status(bytes[start..<lineEnd])
            let headerEnd = headerEnd(bytes, from: lineEnd + 1)
            // The header of a 407 reply contains the schemes that the proxy supports.
            if status == 407 {
                guard headerEnd != nil || bytes.count >= limit else { return nil }
                guard offersBasic(bytes[(lineEnd + 1)..<(headerEnd ?? bytes.endIndex)]) else {
                    throw .authenticationUnsupported
                }
            }
            guard 100..<300 ~= status, status != 101 else {
                throw .httpStatus(status, reason: reason(bytes[start..<lineEnd]))
            }
            guard let end = headerEnd else { break }
            if status >= 200 { return end }
            start = end
        }
        guard bytes.count < limit else { throw .replyTooLong(limit: limit) }
        return nil
    }

    /// Returns the failure for a proxy that sends something other than a reply.
    ///
    /// The failure contains only as many bytes as its text shows. If the proxy echoes the HTTP
    /// request, these bytes end before the credentials.
    static func unexpected(_ bytes: some Collection<UInt8>) -> ProxyFailure {
        .unexpectedReply(Array(bytes.prefix(ProxyFailure.shownBytes)))
    }
}

// MARK: HTTP

extension ProxyReply {
    private static let newline = UInt8(ascii: "\n")
    private static let space = UInt8(ascii: " ")

    /// Returns the position of the newline that ends a status line, or `nil` if there is none yet.
    private static func statusLineEnd(_ bytes: ArraySlice<UInt8>) throws(ProxyFailure) -> Int? {
        // Check an incomplete line too, because a server of another protocol may send a greeting
        // without a newline and then wait.
        guard bytes.prefix(version.count).elementsEqual(version.prefix(bytes.count)) else {
            throw unexpected(bytes)
        }
        return bytes.firstIndex(of: newline)
    }

    private static let version = Array("HTTP/1.".utf8)

    /// Returns the status of a line such as `HTTP/1.1 200 OK`.
    private static func status(_ line: ArraySlice<UInt8>) throws(ProxyFailure) -> Int {
        let rest = line.dropFirst(version.count)
        let digits = rest.dropFirst(2).prefix(3)
        let after = rest.dropFirst(5).first ?? space
        guard let minor = rest.first, Decimal.isDigit(minor), rest.dropFirst().first == space,
            digits.count == 3, let status = Decimal.value(of: digits, maximum: 599),
            status >= 100, after == space || after == UInt8(ascii: "\r")
        else { throw unexpected(line) }
        return Int(status)
    }

    /// Returns at most 100 bytes of the text after the status.
    private static func reason(_ line: ArraySlice<UInt8>) -> String {
        var text = line.dropFirst(version.count + 6)
        if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
        return String(decoding: text.prefix(100), as: UTF8.self)
    }

    /// Returns whether a header offers the scheme Basic (RFC 9110, section 11.7.1).
    ///
    /// The result is also `true` if the header names no scheme, because the proxy may still accept
    /// Basic.
    private static func offersBasic(_ header: ArraySlice<UInt8>) -> Bool {
        var schemes: [Substring] = []
        for line in header.split(separator: newline) {
            let field = String(decoding: line, as: UTF8.self).lowercased()
                .split(separator: ":", maxSplits: 1)
            guard field.count == 2, field[0] == "proxy-authenticate" else { continue }
            schemes += field[1].split(separator: ",").compactMap {
                $0.split(whereSeparator: \.isWhitespace).first
            }
        }
        return schemes.isEmpty || schemes.contains("basic")
    }

    /// Returns the position after the empty line that ends a header, or `nil` if there is none yet.
    private static func headerEnd(_ bytes: ArraySlice<UInt8>, from start: Int) -> Int? {
        var line = start
        while let end = bytes[line...].firstIndex(of: newline) {
            let content = bytes[line..<end]
            if content.isEmpty || content.elementsEqual([UInt8(ascii: "\r")]) { return end + 1 }
            line = end + 1
        }
        return nil
    }
}
