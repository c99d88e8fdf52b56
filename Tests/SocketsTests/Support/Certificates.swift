import Foundation

@testable import Sockets

/// Certificates and keys for tests, which openssl(1) makes once for each test process.
struct Certificates: Sendable {
    /// The folder, whose files are NAME.crt and NAME.key.
    let folder: String

    /// The certificates of this process, or the error of making them.
    static let shared = Result { try Certificates() }

    private static let temporaryFolder =
        NSTemporaryDirectory() + "swift-sockets-certificates-\(getpid())"

    private init() throws {
        folder = Self.temporaryFolder
        atexit { try? FileManager.default.removeItem(atPath: Certificates.temporaryFolder) }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try Data(Self.script.utf8).write(to: URL(fileURLWithPath: folder + "/make"))
        struct Failed: Error {}
        guard system("cd '\(folder)' && sh -e make >/dev/null 2>&1") == 0 else { throw Failed() }
    }

    /// Returns the path of a file.
    static func path(_ file: String) throws -> String { try shared.get().folder + "/" + file }

    /// Returns the contents of a file.
    static func bytes(_ file: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(file))))
    }

    /// Returns the identity with this name.
    static func identity(_ name: String) throws -> TLSIdentity {
        try TLSIdentity(certificateFile: path(name + ".crt"), keyFile: path(name + ".key"))
    }

    /// The trust in the authority that has issued most certificates.
    static func trust() throws -> TLSTrust { try TLSTrust(file: path("ca.crt")) }

    private static let script = #"""
        key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
        # Without the usual configuration, because OpenSSL 1.1.1 adds its extensions to those of -addext, and a
        # certificate with two of a kind is invalid.
        printf '[req]\ndistinguished_name=d\n[d]\n' > req.cnf
        authority() {
            key "$1"
            openssl req -config req.cnf -x509 -new -key "$1.key" -sha256 -days 3650 -subj "/CN=$2" -out "$1.crt" \
                -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
        }
        request() {
            key "$1"
            openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
        }
        issue() {
            request "$1"
            printf 'basicConstraints=CA:FALSE\nextendedKeyUsage=%s\n' "$4" > "$1.ext"
            [ -z "$3" ] || printf 'subjectAltName=%s\n' "$3" >> "$1.ext"
            openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -sha256 \
                -extfile "$1.ext" -days 3650 -out "$1.crt"
        }
        # In OpenSSL 3.0, only `openssl ca` accepts dates.
        dated() {
            request "$1"
            rm -rf db && mkdir db && : > db/index.txt && echo 01 > db/serial
            printf '[ca]\ndefault_ca=d\n[d]\ndatabase=db/index.txt\nserial=db/serial\n' > db/cnf
            printf 'new_certs_dir=db\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n' >> db/cnf
            printf '[p]\ncommonName=supplied\n[e]\nsubjectAltName=DNS:localhost\n' >> db/cnf
            openssl ca -batch -config db/cnf -cert ca.crt -keyfile ca.key -in "$1.csr" \
                -out "$1.crt" -notext -startdate "$2" -enddate "$3"
        }
        authority ca 'Test CA'
        authority other-ca 'Other CA'
        issue server ca 'DNS:localhost,DNS:server.test,IP:127.0.0.1' serverAuth
        issue renewed ca 'DNS:localhost' serverAuth
        issue elsewhere ca 'DNS:elsewhere.test,IP:192.0.2.7' serverAuth
        # The names evil.test\0.localhost, a\nlocalhost, ESC[2J and back\slash.
        names=303582146576696c2e74657374002e6c6f63616c686f7374820b610a6c6f63616c686f73
        names=${names}7482041b5b324a820a6261636b5c736c617368
        issue hostile ca "DER:$names" serverAuth
        issue unknown other-ca 'DNS:localhost' serverAuth
        issue client ca '' clientAuth
        issue other-client other-ca '' clientAuth
        issue for-clients ca 'DNS:localhost' clientAuth
        dated expired 20200101000000Z 20210102030405Z
        dated early 20400101000000Z 20410101000000Z
        openssl req -x509 -newkey rsa:512 -nodes -subj /CN=weak -keyout weak.key -out weak.crt
        openssl ec -in server.key -aes128 -passout pass:secret -out encrypted.key
        openssl x509 -in server.crt -pubkey -noout | openssl pkey -pubin -outform der \
            | openssl dgst -sha256 -binary > server.key-digest
        openssl x509 -in server.crt -outform der | openssl dgst -sha256 -binary > server.digest
        openssl pkcs12 -export -in server.crt -inkey server.key -certfile ca.crt \
            -passout pass:secret -out server.p12
        """#
}
