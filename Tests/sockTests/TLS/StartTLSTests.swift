import Foundation
import Sockets
import Testing

@testable import sock

/// The plain part of each protocol, without TLS.
@Suite(.ownThread)
struct StartTLSTests {
    /// What the server sends, each after one line or message of the client, and what the client sent.
    private struct Script {
        let replies: [String]
        /// The number of bytes of a message that is not a line.
        var messageSize: Int?
    }

    /// Runs the request of a protocol against a script, and returns what the client sent.
    private func run(_ upgrade: StartTLS, _ script: Script) throws -> [String] {
        let received = Monitor<[String]>([])
        let peer = try Peer { client in
            let stream = SocketStream(client)
            for (index, reply) in script.replies.enumerated() {
                if index > 0 || script.messageSize != nil {
                    let message =
                        try script.messageSize.map {
                            String(decoding: try stream.readExactly($0), as: UTF8.self)
                        } ?? stream.readLine() ?? ""
                    received.update { $0.append(message) }
                }
                try stream.write(reply)
                try stream.flush()
            }
            _ = try stream.readLine()
        }
        let endpoint = Endpoint.tcp("127.0.0.1", port: try Sockets.Port(parsing: peer.port))
        let socket = try Socket(to: endpoint)
        defer { socket.close() }
        let dialog = PlainDialog(
            SocketStream(socket, lineLimit: PlainDialog.longestLine), endpoint, upgrade,
            .seconds(10))
        try upgrade.request(dialog)
        return received.update { $0 }
    }

    private func failure(_ upgrade: StartTLS, _ replies: String...) throws -> Failure {
        let size = upgrade == .postgres ? 8 : nil
        let failure = #expect(throws: Failure.self) {
            try run(upgrade, Script(replies: replies, messageSize: size))
        }
        return try #require(failure)
    }

    @Test("SMTP: the client sends EHLO and STARTTLS after the whole greeting")
    func smtp() throws {
        let sent = try run(
            .smtp,
            Script(replies: [
                "220-mail.example\r\n220 ready\r\n",
                "250-mail.example\r\n250-SIZE 1000\r\n250 starttls\r\n", "220 go ahead\r\n",
            ]))
        #expect(sent == ["EHLO [127.0.0.1]", "STARTTLS"])
    }

    @Test("IMAP: the client looks for STARTTLS among the capabilities")
    func imap() throws {
        let sent = try run(
            .imap,
            Script(replies: [
                "* OK ready\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n",
                "a2 OK begin\r\n",
            ]))
        #expect(sent == ["a1 CAPABILITY", "a2 STARTTLS"])
    }

    @Test("POP3: the client sends STLS, even to a server without CAPA")
    func pop3() throws {
        for reply in ["+OK\r\nUSER\r\nSTLS\r\n.\r\n", "-ERR unknown\r\n"] {
            let sent = try run(.pop3, Script(replies: ["+OK hello\r\n", reply, "+OK begin\r\n"]))
            #expect(sent == ["CAPA", "STLS"])
        }
    }

    @Test("FTP: the client sends AUTH TLS after a greeting with lines of text")
    func ftp() throws {
        let sent = try run(
            .ftp,
            Script(replies: ["220-Welcome\r\n 220 is not the end\r\n220 ready\r\n", "234 go\r\n"]))
        #expect(sent == ["AUTH TLS"])
    }

    @Test("PostgreSQL: the client sends SSLRequest and accepts S")
    func postgres() throws {
        let sent = try run(.postgres, Script(replies: ["S"], messageSize: 8))
        #expect(sent == ["\u{0}\u{0}\u{0}\u{8}\u{4}\u{FFFD}\u{16}/"])
    }

    @Test("a server that does not offer TLS causes a handshake failure that names the command")
    func notOffered() throws {
        for failure in [
            try failure(.smtp, "220 a\r\n", "250-a\r\n250 XSTARTTLS\r\n"),
            try failure(.imap, "* OK\r\n", "* CAPABILITY IMAP4rev1 XSTARTTLS\r\na1 OK\r\n"),
            try failure(.pop3, "+OK\r\n", "+OK\r\nUSER\r\n.\r\n"), try failure(.postgres, "N"),
        ] {
            #expect(failure.status == .tlsHandshake)
            #expect(failure.message.hasSuffix("the server does not offer it"))
        }
    }

    @Test("a refusal of the server is quoted and escaped")
    func refused() throws {
        let refused = try failure(.ftp, "220 a\r\n", "534 \u{1B}[2Jno\r\n")
        #expect(refused.status == .tlsHandshake)
        #expect(refused.message.hasSuffix(#"(AUTH TLS): the server replied '534 \x1b[2Jno'"#))
        #expect(try failure(.smtp, "554 busy\r\n").message.contains("'554 busy'"))
        #expect(try failure(.imap, "* PREAUTH\r\n").message.contains("'* PREAUTH'"))
        #expect(try failure(.imap, "* OK\r\n", "a1 BAD\r\n").message.contains("'a1 BAD'"))
        #expect(try failure(.pop3, "-ERR\r\n").message.contains("'-ERR'"))
        #expect(try failure(.postgres, "E").message.contains("'E'"))
    }

    @Test("a reply of too many lines and a line that is too long are errors")
    func endless() throws {
        let lines = String(repeating: "220-x\r\n", count: 300)
        #expect(try failure(.smtp, lines).message.contains("more than 256 lines"))
        let long = try failure(.smtp, String(repeating: "2", count: 5000) + "\r\n")
        #expect(long.status == .tlsHandshake)
        #expect(long.message.hasSuffix("its reply has a line of more than 4096 bytes"))
    }

    @Test("a protocol name is parsed in any case, and any other word is a usage error")
    func names() throws {
        #expect(try StartTLS(parsing: "SMTP") == .smtp)
        #expect(throws: UsageError.self) { try StartTLS(parsing: "xmpp") }
    }
}
