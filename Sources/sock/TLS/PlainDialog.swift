import Sockets

/// The lines that a client and a server exchange before TLS starts.
struct PlainDialog {
    private let stream: SocketStream
    private let endpoint: Endpoint
    private let upgrade: StartTLS
    private let deadline: TimeLimit

    /// The longest line that a server may send, in bytes.
    static let longestLine = 4096

    /// The largest number of lines in one reply.
    private static let mostLines = 256

    init(
        _ stream: SocketStream, _ endpoint: Endpoint, _ upgrade: StartTLS, _ deadline: TimeLimit
    ) {
        self.stream = stream
        self.endpoint = endpoint
        self.upgrade = upgrade
        self.deadline = deadline
    }

    /// The local address.
    var localAddress: SocketAddress { stream.socket.localAddress }

    /// Sends a command, with CRLF.
    func send(_ line: String) throws(SocketError) { try send(Array("\(line)\r\n".utf8)) }

    func send(_ bytes: [UInt8]) throws(SocketError) {
        try stream.write(bytes, timeout: deadline)
        try stream.flush(timeout: deadline)
    }

    /// Receives one byte.
    func receiveByte() throws -> UInt8 {
        guard let byte = try stream.read(atMost: 1, timeout: deadline).first else { throw ended }
        return byte
    }

    /// Receives one line.
    func receiveLine() throws -> String {
        let line: String?
        do throws(SocketError) {
            line = try stream.readLine(timeout: deadline)
        } catch {
            guard case .lineTooLong(let limit) = error.cause else { throw error }
            throw failure("its reply has a line of more than \(limit) bytes")
        }
        guard let line else { throw ended }
        return line
    }

    /// Receives lines up to and including the first one for which `isLast` returns true.
    func receiveLines(until isLast: (String) -> Bool) throws -> [String] {
        var lines: [String] = []
        repeat {
            guard lines.count < Self.mostLines else {
                throw failure("its reply has more than \(Self.mostLines) lines")
            }
            lines.append(try receiveLine())
        } while !isLast(lines[lines.count - 1])
        return lines
    }

    /// Receives a reply of SMTP or FTP.
    ///
    /// A hyphen after the code says that more lines follow. The last line has the same code and a
    /// space.
    ///
    /// - Returns: The lines.
    /// - Throws: A `Failure` if the code is not `code`.
    func receiveReply(_ code: String) throws -> [String] {
        let first = try receiveLine()
        var lines = [first]
        if first.dropFirst(3).hasPrefix("-") {
            lines += try receiveLines { $0.hasPrefix(first.prefix(3) + " ") }
        }
        guard first.hasPrefix(code) else { throw refused(first) }
        return lines
    }

    /// The failure of a server that does not reply as the protocol requires.
    func refused(_ reply: String) -> Failure {
        failure("the server replied \(TerminalText.quoted(reply))")
    }

    /// The failure of a server that does not support TLS.
    var notOffered: Failure { failure("the server does not offer it") }

    private var ended: Failure { failure("the server closed the connection before TLS started") }

    private func failure(_ reason: String) -> Failure {
        Failure(
            .tlsHandshake, "cannot start TLS with \(endpoint) (\(upgrade.command)): \(reason)",
            hint: "Check that the server speaks \(upgrade.title) on that port, and supports TLS.")
    }
}
