/// Functions that validate untrusted host names before libc or a name server sees them.
///
/// Libc accepts `127.1`, `0x7f000001` and `010.0.0.1` as addresses, which many filters do not
/// recognize. It also ignores the text after a NUL, and queries name servers for names that cannot
/// exist.
enum HostName {
    /// Checks that `text` is a valid host.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if `text` is not a valid host.
    static func check(_ text: String) throws(SocketError) {
        if let problem = problem(with: text) { throw failure(text, .invalidInput(problem)) }
    }

    /// Checks that `text` can be a host, and returns its ASCII form, which name servers know.
    ///
    /// An ASCII text is its own ASCII form. libidn2 converts other names (IDNA 2008, UTS #46).
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `text` is not a host, or if libidn2 is missing
    ///     for an international name.
    ///   - ``SocketError/Cause/system(_:)`` if libidn2 could not be loaded, because no descriptor
    ///     was left.
    static func ascii(_ text: String) throws(SocketError) -> String {
        try check(text)
        guard !text.isASCII else { return text }
        let ascii: String
        do throws(IDNFailure) {
            ascii = try System.idn2_lookup_u8(text)
        } catch {
            switch error {
            case .noLibrary:
                // The name may be valid, so report a failed lookup and not a failed check of the
                // name.
                throw SocketError(
                    .resolve,
                    .invalidInput(
                        "international names need libidn2: install it (Debian and Ubuntu:"
                            + " libidn2-0), or write the name in its xn-- form"),
                    subject: TerminalText.escaped(text))
            case .invalid(let reason):
                throw failure(text, .invalidInput("not a valid international name: \(reason)"))
            case .system(let code):
                throw SocketError(.resolve, .system(code), subject: TerminalText.escaped(text))
            }
        }
        // Check the result too, because the conversion turns some characters into ASCII characters,
        // such as digits and dots.
        guard ascii.isASCII, IPAddress(ascii) == nil, problem(with: ascii) == nil else {
            throw failure(text, .invalidInput("not a valid international name"))
        }
        return ascii
    }

    /// Returns whether the name is `localhost` or a subdomain of it, which is always this machine
    /// (RFC 6761, section 6.3).
    static func isLocalhost(_ text: String) -> Bool {
        let name = withoutFinalDot(text).lowercased()
        return name == "localhost" || name.hasSuffix(".localhost") && problem(with: name) == nil
    }

    /// Returns whether the name consists of digits and dots.
    static func hasOnlyDigits(_ name: String) -> Bool {
        name.unicodeScalars.allSatisfy { $0 == "." || ("0"..."9").contains($0) }
    }

    /// Returns the rule that `text` breaks, for the text of an error; `nil` if `text` is a valid
    /// host.
    ///
    /// A host is a numeric address or a name. A name consists of labels separated by dots, with an
    /// optional final dot, and has at most 253 bytes. A label has 1 to 63 ASCII letters, digits and
    /// hyphens (RFC 1123), or underscores, which occur in practice. An international name may also
    /// contain letters, marks and digits of any script, and the full stops of East Asian scripts.
    /// libidn2 checks the remaining rules for international names.
    static func problem(with text: String) -> String? {
        if text.isEmpty { return "expected a name or a numeric address" }
        if IPAddress(text) != nil { return nil }
        if text.utf8.contains(UInt8(ascii: ":")) {
            return "expected a name, or a complete IPv6 address"
        }
        let name = withoutFinalDot(text).unicodeScalars
        // A longer name has an ASCII form that is too long, because that form has at least as many
        // bytes as the name has characters.
        if name.count > 253 { return "expected at most 253 characters" }
        let labels = name.split(omittingEmptySubsequences: false, whereSeparator: isSeparator)
        guard labels.allSatisfy(isLabel), name.first != "-" else {
            return "expected parts of letters, digits and hyphens, separated by single dots"
        }
        // This check rejects no name that libc would look up, because libc reads these texts as
        // addresses.
        let dotted = text.isASCII ? text : withDots(text)
        if dotted.isASCII, System.inet_aton(dotted) {
            return "expected four numbers from 0 to 255, as in 192.0.2.7"
        }
        return nil
    }

    private static func withoutFinalDot(_ text: String) -> Substring {
        let scalars = text.unicodeScalars
        return Substring(
            scalars.last.map(isSeparator) ?? false ? scalars.dropLast() : scalars[...])
    }

    /// Returns whether the character separates labels: a dot, or a full stop of East Asian scripts,
    /// which libidn2 converts to a dot (RFC 3490, section 3.1).
    private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case ".", "\u{3002}", "\u{FF0E}", "\u{FF61}": true
        default: false
        }
    }

    private static func withDots(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isSeparator($0) ? "." : $0 }))
    }

    private static func isLabel(_ label: Substring.UnicodeScalarView) -> Bool {
        (1...63).contains(label.count) && label.allSatisfy(isLabelScalar)
    }

    private static func isLabelScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "0"..."9", "A"..."Z", "a"..."z", "-", "_":
            return true
        // Accept joiners, and punctuation that some scripts allow between letters (RFC 5892,
        // appendix A).
        case "\u{B7}", "\u{375}", "\u{5F3}", "\u{5F4}", "\u{200C}", "\u{200D}", "\u{30FB}":
            return true
        // Reject fullwidth forms, because the conversion would turn their letters and digits into
        // ASCII.
        case "\u{FF00}"..."\u{FFEF}":
            return false
        default:
            guard !scalar.isASCII else { return false }
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .nonspacingMark, .spacingMark, .decimalNumber:
            return true
        default:
            return false
        }
    }

    private static func failure(_ text: String, _ cause: SocketError.Cause) -> SocketError {
        SocketError(.parse, cause, subject: "host \(TerminalText.quoted(text))")
    }
}

extension String {
    fileprivate var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }
}
