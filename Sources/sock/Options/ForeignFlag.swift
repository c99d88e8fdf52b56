/// The options of other netcats that `sock` refuses, each with the reason and an alternative.
enum ForeignFlag {
    /// Returns the error for an option of another netcat, such as `-e` or `--exec`; nil if the
    /// table does not contain the option.
    static func error(for flag: String) -> UsageError? {
        guard let answer = table.first(where: { $0.flags.contains(flag) }) else { return nil }
        return UsageError("there is no \(flag): \(answer.reason)", hint: answer.instead)
    }

    static let table: [(flags: [String], reason: String, instead: String)] = [
        (
            ["-e", "--exec", "--sh-exec", "--lua-exec"], "sock runs no programs",
            "Use socat TCP-LISTEN:PORT,fork EXEC:PROGRAM."
        ),
        (
            ["-C", "--crlf"], "sock sends the input unchanged",
            "For lines that end with CRLF, use: sed -u 's/$/\\r/' | sock HOST PORT"
        ),
        (["--ssl"], "the option has another name here", "Use --tls."),
        (["--ssl-verify"], "--tls always verifies", "Use --tls, and --insecure not to verify."),
        (["--ssl-cert"], "the option has another name here", "Use --cert FILE."),
        (["--ssl-key"], "the option has another name here", "Use --key FILE."),
        (["--ssl-trustfile"], "the option has another name here", "Use --ca FILE."),
        (["--ssl-servername"], "the option has another name here", "Use --sni NAME."),
        (["--ssl-alpn"], "the option has another name here", "Use --alpn LIST."),
        (["--ssl-ciphers"], "sock uses the ciphers of the system", "Omit the option."),
        (["-t", "--telnet"], "sock does not negotiate like telnet", "Use telnet HOST PORT."),
        (
            ["-L", "--max-conns"], "sock does not limit the number of clients",
            "To serve any number of clients, use --listen with --keep-open."
        ),
        (
            ["-X", "-P", "--proxy", "--proxy-type", "--proxy-auth", "--proxy-dns"],
            "sock uses no proxies", "Use ncat --proxy, or socat with PROXY or SOCKS4."
        ),
        (
            ["--output", "--append-output"], "standard output has all received data",
            "To keep a copy of what arrives, pipe the output through tee FILE."
        ),
        (["--hex-dump"], "sock writes the data unchanged", "Pipe the output through xxd."),
        (["--recv-only"], "empty input has that effect", "To send nothing, add </dev/null."),
        (
            ["--allow", "--allowfile", "--deny", "--denyfile"], "sock does not filter clients",
            "Use the firewall of this machine, such as nft."
        ),
        (
            ["--broker", "--chat"], "clients of sock do not see each other",
            "Use ncat --broker."
        ),
        (["--nodns", "--no-dns"], "the option has another name here", "Use --numeric (-n)."),
        (
            ["--idle-timeout", "--wait"], "the option has another name here",
            "Use --timeout SECONDS (-w)."
        ),
        (["--sctp"], "sock uses only TCP, UDP and Unix sockets", "Use ncat --sctp."),
    ]
}
