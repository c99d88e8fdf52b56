import Sockets

/// The values of flags that several subcommands share.
extension Arguments {
    /// Returns the family that `-4` or `-6` selects, or nil if neither flag is given.
    func family() throws(UsageError) -> AddressFamily? {
        if has(.ipv4), has(.ipv6) { throw UsageError("-4 and -6 cannot be combined") }
        return has(.ipv4) ? .ipv4 : has(.ipv6) ? .ipv6 : nil
    }

    /// Returns the value of `-w`, or nil if it was not given, so that each operation uses its own
    /// limit.
    func timeout() throws(UsageError) -> Duration? {
        guard let text = self[.timeout] else { return nil }
        let timeout = try TimeSpan.parse(text, of: "-w")
        guard timeout > .zero else { throw UsageError("-w needs a time above zero") }
        return timeout
    }

    /// Returns the value of `-q`, or nil if it was not given, so that the program waits for the
    /// peer to close.
    func quitAfter() throws(UsageError) -> Duration? {
        guard let text = self[.quitAfter] else { return nil }
        if text.hasPrefix("-") {
            throw UsageError(
                "-q needs a time such as 0 or 2s, not \(TerminalText.quoted(text));"
                    + " to wait without a limit, omit -q")
        }
        return try TimeSpan.parse(text, of: "-q")
    }

    /// Throws an error if there are more than `count` operands.
    func requireOperands(atMost count: Int) throws(UsageError) {
        guard operands.count > count else { return }
        throw UsageError("unexpected argument \(TerminalText.quoted(operands[count]))")
    }
}
