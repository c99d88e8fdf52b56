import Foundation
import Glibc
import Testing

/// A thread that sees a machine of its own: its `/etc` holds only the files that a test gives it,
/// and it has no network, not even loopback.
///
/// What such a thread asks libc is answered from those files or not at all, whatever the machine
/// that runs the tests knows. Needs root, for mount and network namespaces.
enum PrivateMachine {
    struct Unavailable: Error {
        var step: String
        var errno: Int32
    }

    /// Whether this machine lets us; tests that need it are skipped elsewhere.
    static let isAvailable = (try? run(files: [:]) { true }) ?? false

    /// What `body` gives or throws on such a thread.
    ///
    /// Expectations belong to the test's own thread: of others it is not known which test failed.
    ///
    /// `nsswitch.conf` reads names from files alone, then asks `nameServer` of the loopback, where
    /// no server can be reached, when there is one.
    static func run<Value: Sendable>(
        files: [String: String], asksNameServer: Bool = false,
        _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        var files = files
        files["nsswitch.conf"] = """
            hosts: files\(asksNameServer ? " dns" : "")
            services: files

            """
        // Libc reads this once in a process, and shows one address of a host only without it.
        files["host.conf"] = "multi on\n"
        files["resolv.conf"] = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
        let etc = try makeDirectory(holding: files)
        defer { try? FileManager.default.removeItem(atPath: etc) }
        return try Background {
            try enter(etc: etc)
            return try body()
        }.value()
    }

    private static func makeDirectory(holding files: [String: String]) throws -> String {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("sockets-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true)
        for (name, text) in files {
            try Data(text.utf8).write(to: directory.appendingPathComponent(name))
        }
        return directory.path
    }

    /// Gives the calling thread, and no other, namespaces of its own and this `/etc`.
    private static func enter(etc: String) throws {
        // Linux keeps both kinds of namespaces by thread; the C library declares these calls only
        // for GNU source, so that Swift has to look them up.
        typealias Unshare = @convention(c) (Int32) -> Int32
        typealias Mount =
            @convention(c) (
                UnsafePointer<CChar>?, UnsafePointer<CChar>, UnsafePointer<CChar>?, CUnsignedLong,
                UnsafeRawPointer?
            ) -> Int32
        let unshare = unsafeBitCast(try #require(dlsym(nil, "unshare")), to: Unshare.self)
        let mount = unsafeBitCast(try #require(dlsym(nil, "mount")), to: Mount.self)
        let newMountsAndNetwork: Int32 = 0x0002_0000 | 0x4000_0000
        let privateRecursively: CUnsignedLong = 1 << 18 | 1 << 14
        let bind: CUnsignedLong = 1 << 12

        try check("unshare", unshare(newMountsAndNetwork))
        try check("mount /", mount(nil, "/", nil, privateRecursively, nil))
        try check("mount /etc", mount(etc, "/etc", nil, bind, nil))
    }

    private static func check(_ step: String, _ result: Int32) throws {
        guard result == 0 else { throw Unavailable(step: step, errno: errno) }
    }
}
