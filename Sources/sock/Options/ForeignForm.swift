import Sockets

/// The forms of other programs' command lines that mean something else to `sock`, so that the error
/// can say what to write instead.
enum ForeignForm {
    /// Throws an error if an operand is a range of ports or an address of socat, or if there is a
    /// second port to listen on.
    static func check(_ words: [String], listens: Bool = false) throws(UsageError) {
        // Only the last word is a port; a host may look like a range.
        if let word = words.last, isRange(word) {
            throw UsageError(
                "\(TerminalText.quoted(word)) is a range, but sock uses one port at a time;"
                    + " \(severalPorts([word], listens: listens) ?? "")")
        }
        if listens, words.count > 1, let hint = severalPorts(words, listens: true) {
            throw UsageError(
                "\(TerminalText.quoted(words[0])) is not an address, and sock uses one port at a time;"
                    + " \(hint)")
        }
        for word in words {
            if let hint = socatHint(word) {
                throw UsageError(
                    "\(TerminalText.quoted(word)) is an address of socat", hint: hint)
            }
        }
    }

    /// Returns the hint for several ports or ranges of ports, which nc accepts for a scan; nil if a
    /// word is neither a port nor a range.
    static func severalPorts(
        _ words: some Collection<String>, listens: Bool = false
    ) -> String? {
        guard
            words.allSatisfy({ isRange($0) || isPort($0) })
        else { return nil }
        let list = words.map { isRange($0) ? "{\($0.replacing("-", with: ".."))}" : $0 }
        let loop = "for p in \(list.joined(separator: " ")); do"
        return listens
            ? "to listen on several ports: \(loop) sock -l $p & done"
            : "to try several ports: \(loop) sock -zv HOST $p; done"
    }

    private static func isRange(_ word: String) -> Bool {
        let parts = word.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy(isPort)
    }

    private static func isPort(_ word: some StringProtocol) -> Bool {
        Decimal.value(of: word.utf8, maximum: 65_535) != nil
    }

    private static func socatHint(_ word: String) -> String? {
        let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let capitals = parts[0].uppercased()
        // A host may be called tcp. So a word such as `tcp:80` is an address of socat only if the
        // keyword is in capitals or a second colon follows, as in `tcp:host:80`.
        let namesHost =
            (capitals.hasPrefix("TCP") || capitals.hasPrefix("UDP"))
            && parts[1].contains(":") && !parts[1].hasPrefix("//")
        guard parts[0] == capitals || namesHost else { return nil }
        let keyword = capitals.replacing("4", with: "").replacing("6", with: "")
        // Drop the options of socat, which follow a comma.
        let rest =
            parts[1].split(separator: ",").first.map { TerminalText.escaped(String($0)) } ?? ""
        switch keyword {
        case "TCP", "TCP-CONNECT": return "Write sock \(rest)."
        case "UDP", "UDP-CONNECT", "UDP-SENDTO", "UDP-DATAGRAM": return "Write sock -u \(rest)."
        case "TCP-LISTEN", "TCP-L":
            return "Write sock -l \(rest), or for the option fork, sock -lk \(rest)."
        case "UDP-LISTEN", "UDP-L", "UDP-RECV", "UDP-RECVFROM": return "Write sock -lu \(rest)."
        case "UNIX", "UNIX-CONNECT": return "Write sock -U \(rest)."
        case "UNIX-LISTEN", "UNIX-L": return "Write sock -lU \(rest)."
        case "OPENSSL", "OPENSSL-CONNECT", "SSL": return "Write sock --tls \(rest)."
        case "OPENSSL-LISTEN", "SSL-L": return "Write sock -l --tls \(rest)."
        case "EXEC", "SYSTEM", "PTY", "FILE", "OPEN", "SOCKS":
            return "sock cannot do that; use socat."
        default: return nil
        }
    }
}
