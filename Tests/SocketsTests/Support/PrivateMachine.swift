import Foundation
import Glibc
import Synchronization
import Testing

@testable import Sockets

/// A thread with a separate view of the machine: `/etc` contains only the files of the test, and
/// there is no network, not even loopback.
///
/// For such a thread, libc finds names only in these files, independently of the machine that runs
/// the tests. Needs root, for mount and network namespaces.
enum PrivateMachine {
    struct Unavailable: Error {
        var step: String
        var errno: Int32
    }

    /// A Boolean value that indicates whether this machine allows namespaces.
    ///
    /// Tests that need them are skipped elsewhere.
    static let isAvailable = (try? run(files: [:]) { true }) ?? false

    /// Returns the result of `body` on such a thread.
    ///
    /// Expectations belong on the test's own thread, because those of another thread are not
    /// attributed to the test.
    ///
    /// `nsswitch.conf` reads names from files only. With `asksNameServer`, it then queries the name
    /// server of the loopback interface, which cannot be reached.
    ///
    /// The shell runs `commands` on the private machine first, for example to bring links up.
    static func run<Value: Sendable>(
        files: [String: String] = [:], asksNameServer: Bool = false, commands: [String] = [],
        _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        var files = files
        files["nsswitch.conf"] = """
            hosts: files\(asksNameServer ? " dns" : "")
            services: files

            """
        // libc reads this file once in a process, and returns only one address of a host without
        // it.
        files["host.conf"] = "multi on\n"
        files["resolv.conf"] = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
        let etc = try makeDirectory(holding: files)
        defer { try? FileManager.default.removeItem(atPath: etc) }
        return try Background {
            try enter(etc: etc)
            for command in commands { try run(command) }
            return try body()
        }.value()
    }

    /// Returns the result of a task that runs on an event loop of such a thread.
    static func runTask<Value: Sendable>(
        files: [String: String] = [:], asksNameServer: Bool = false, commands: [String] = [],
        _ body: @escaping @Sendable (LoopGroup) async throws -> Value
    ) throws -> Value {
        try run(files: files, asksNameServer: asksNameServer, commands: commands) {
            // The threads that this thread starts belong to the same machine.
            let group = try LoopGroup(loops: 1)
            defer { group.shutdown() }
            let outcome = Mutex<Result<Value, any Error>?>(nil)
            let finished = DispatchSemaphore(value: 0)
            Task(executorPreference: group.executors[0]) {
                let result: Result<Value, any Error>
                do { result = .success(try await body(group)) } catch { result = .failure(error) }
                outcome.withLock { $0 = result }
                finished.signal()
            }
            finished.wait()
            return try #require(outcome.withLock { $0 }).get()
        }
    }

    /// Runs a shell command on the machine of the calling thread.
    static func run(_ command: String) throws {
        let texts: [String] = ["/bin/sh", "-c", command]
        let words = texts.map { text in strdup(text) }
        defer { for word in words { free(word) } }
        var child = pid_t()
        try check(command, posix_spawn(&child, "/bin/sh", nil, nil, words + [nil], environ))
        var status: Int32 = 0
        while waitpid(child, &status, 0) == -1, errno == EINTR {}
        try check(command, status)
    }

    /// Takes all capabilities from the calling thread, so that it is like a program without
    /// privileges.
    static func dropCapabilities() throws {
        // The C library has the call but does not declare it. It affects only this thread.
        typealias SetCapabilities =
            @convention(c) (UnsafePointer<UInt32>, UnsafePointer<UInt32>) -> Int32
        let capset = unsafeBitCast(
            try #require(dlsym(nil, "capset")), to: SetCapabilities.self)
        let version3OfThisThread: [UInt32] = [0x2008_0522, 0]
        try check("capset", capset(version3OfThisThread, [UInt32](repeating: 0, count: 6)))
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

    /// Gives separate namespaces and this `/etc` to the calling thread only.
    private static func enter(etc: String) throws {
        // Linux keeps both kinds of namespaces for each thread. The C library declares these calls
        // only for GNU source, so Swift must look them up.
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
