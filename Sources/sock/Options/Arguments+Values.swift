import Sockets

/// The values of flags that several subcommands share.
extension Arguments {
    /// Returns the family that `-4` or `-6` selects, or nil if neither flag is given.
    func family() throws(UsageError) -> AddressFamily? {
        if has(.ipv4), has(.ipv6) { throw UsageError("-4 and -6 cannot be combined") }
        if has(.ipv4), has(.ipv6Only) {
            throw UsageError("-4 and --ipv6-only cannot be combined")
        }
        return has(.ipv4) ? .ipv4 : has(.ipv6) || has(.ipv6Only) ? .ipv6 : nil
    }

    /// Returns the value of `-w`, or nil if the flag was not given.
    ///
    /// Without the flag, each operation uses its own limit.
    func timeout() throws(UsageError) -> Duration? {
        guard let text = self[.timeout] else { return nil }
        let timeout = try TimeSpan.parse(text, of: "-w")
        guard timeout > .zero else {
            // With nc, -u -w0 sends a datagram and ends at once, so name the flag that does the
            // same.
            throw UsageError(
                "-w needs a time above zero",
                hint: has(.udp) && subcommand == .connect
                    ? "To send and not wait for a reply, use --send-only instead of -w0."
                    : "To wait without a limit, omit -w. The shortest limit is 1ms.")
        }
        return timeout
    }

    /// Returns the value of `-q`, or nil if the flag was not given.
    ///
    /// Without the flag, the program waits for the peer to close.
    func quitAfter() throws(UsageError) -> Duration? {
        guard let text = self[.quitAfter] else { return nil }
        if text.hasPrefix("-") {
            throw UsageError(
                "-q needs a time such as 0 or 2s, not \(TerminalText.quoted(text));"
                    + " to wait without a limit, omit -q")
        }
        return try TimeSpan.parse(text, of: "-q")
    }

    /// Returns the value of `--datagram-size`; nil for the largest datagram of the address family.
    func datagramSize() throws(UsageError) -> Int? {
        guard let text = self[.datagramSize] else { return nil }
        guard let number = Decimal.value(of: text.utf8, maximum: 65_527), number > 0 else {
            throw UsageError(
                "--datagram-size needs a number from 1 to 65527, not \(TerminalText.quoted(text))")
        }
        return Int(number)
    }

    /// Throws an error if a flag for datagrams was given for an endpoint without datagrams.
    func checkDatagramFlags(for endpoint: Endpoint) throws(UsageError) {
        if has(.broadcast), endpoint.transport != .udp {
            throw UsageError("-b needs -u, because only UDP has broadcasts")
        }
        if has(.datagramSize), !endpoint.isDatagram {
            throw UsageError("--datagram-size needs -u, because a stream has no datagrams")
        }
    }

    /// Returns when to half-close according to `-N`, `--half-close-after` or `--no-shutdown`; nil
    /// if none of these flags was given.
    func halfClose() throws(UsageError) -> HalfClose? {
        let given = [Flag.shutdown, .halfCloseAfter, .noShutdown].filter(has)
        if given.count > 1 {
            throw UsageError("\(given[0].name) and \(given[1].name) cannot be combined")
        }
        if has(.shutdown) { return .atOnce }
        if has(.noShutdown) { return .never }
        return try self[.halfCloseAfter].map { text throws(UsageError) in
            .afterSilence(try TimeSpan.parse(text, of: "--half-close-after"))
        }
    }

    /// Throws an error if there are more than `count` operands.
    func requireOperands(atMost count: Int) throws(UsageError) {
        guard operands.count > count else { return }
        throw UsageError("unexpected argument \(TerminalText.quoted(operands[count]))")
    }
}
