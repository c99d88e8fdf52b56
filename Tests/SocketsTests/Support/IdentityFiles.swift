import Foundation

@testable import Sockets

/// A certificate and a key in files that a test replaces, in a folder of their own.
struct IdentityFiles {
    private let folder: String

    /// Creates the files with the certificate and the key of this name.
    init(_ name: String) throws {
        folder = NSTemporaryDirectory() + "swift-sockets-identity-\(UUID())"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try use(name)
    }

    var certificate: String { folder + "/certificate.pem" }
    var key: String { folder + "/key.pem" }
    var files: IdentityStore.Files { .init(certificate: certificate, key: key, password: nil) }

    /// Replaces both files.
    func use(_ name: String) throws {
        try replace(certificate, with: Certificates.bytes(name + ".crt"))
        try replace(key, with: Certificates.bytes(name + ".key"))
    }

    /// Replaces a file by renaming another one, as certificate managers do.
    func replace(_ file: String, with bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
