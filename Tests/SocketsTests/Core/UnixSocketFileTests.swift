import Glibc
import Testing

@testable import Sockets

@Suite("UnixSocketFile", .ownThread)
struct UnixSocketFileTests {
    @Test("bind replaces the socket file of a server that has ended")
    func stale() throws {
        let path = Loopback.unixPath()
        let dead = try Socket(.unix)
        try dead.bind(on: .unix(try #require(UnixAddress(path: path))))
        dead.close()
        try Self.waitUntilUnused(path)
        #expect(access(path, F_OK) == 0)
        let listener = try Socket(on: .unix(path))
        _ = try Socket(to: listener.localAddress)
        #expect(try listener.accept(timeout: .seconds(5)).localAddress == listener.localAddress)
    }

    @Test("bind to the path of a running server throws, and the server keeps serving")
    func alive() throws {
        let path = Loopback.unixPath()
        let listener = try Socket(on: .unix(path))
        let error = #expect(throws: SocketError.self) { try Socket(on: .unix(path)) }
        #expect(error?.description == "cannot bind to unix:\(path): address already in use")
        // The check for a listening server made no connection.
        let accepted = #expect(throws: SocketError.self) {
            try listener.accept(timeout: .seconds(0))
        }
        #expect(accepted?.isTimeout == true)
        let client = try Socket(to: .unix(path))
        try client.sendAll("x")
        #expect(try listener.accept(timeout: .seconds(5)).receive() == [0x78])
    }

    @Test("bind keeps a file that is not a socket")
    func regularFile() throws {
        let path = Loopback.unixPath()
        let file = try #require(fopen(path, "w"))
        fputs("precious", file)
        fclose(file)
        defer { unlink(path) }
        let error = #expect(throws: SocketError.self) { try Socket(on: .unix(path)) }
        #expect(error?.errno == .addressInUse)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_size == 8)
    }

    @Test("close keeps the file that another server created at the same path")
    func replacedFile() throws {
        let path = Loopback.unixPath()
        let first = try Socket(on: .unix(path))
        unlink(path)
        let second = try Socket(on: .unix(path))
        first.close()
        #expect(access(path, F_OK) == 0)
        _ = try Socket(to: .unix(path))
        withExtendedLifetime(second) {}
    }

    @Test(
        "the file of a relative path is removed after the working directory has changed",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func workingDirectory() throws {
        let left = try PrivateMachine.run {
            var folder = Array("/tmp/swift-sockets-XXXXXX".utf8CString)
            try #require(mkdtemp(&folder) != nil)
            let opens: [(SocketAddress) throws -> () -> Void] = [
                { address in try Socket(on: address).close },
                { address in try Socket(on: address, type: .datagram).close },
                { address in try Listener(on: address).close },
                { address in try DatagramChannel(on: address).close },
                { address in
                    let server = try Socket(on: address, type: .datagram)
                    let client = try Socket(
                        to: address, type: .datagram,
                        options: .init(localAddress: .unix(UnixAddress(path: "./b")!)))
                    return {
                        client.close()
                        server.close()
                    }
                },
            ]
            var left = 0
            for open in opens {
                // A thread with a mount namespace of its own has a working directory of its own.
                try #require(chdir(folder) == 0)
                let close = try open(.unix(UnixAddress(path: "a.sock")!))
                try #require(chdir("/") == 0)
                close()
                try #require(chdir(folder) == 0)
                left += [access("a.sock", F_OK), access("b", F_OK)].count { $0 == 0 }
            }
            rmdir(folder)
            return left
        }
        #expect(left == 0)
    }

    @Test("an abstract name has no socket file")
    func abstract() throws {
        let address = try #require(UnixAddress(abstract: Loopback.unixPath()))
        #expect(UnixSocketFile(boundTo: .unix(address)) == nil)
    }

    /// Waits until no process holds the socket, because a program that another test starts inherits
    /// our descriptors until its exec.
    private static func waitUntilUnused(_ path: String) throws {
        let address = SocketAddress.unix(try #require(UnixAddress(path: path)))
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            do throws(SocketError) {
                try Socket(.unix, .datagram).connect(to: address)
            } catch {
                if error.errno == .connectionRefused { return }
            }
            sched_yield()
        }
        Issue.record("a process still holds \(path)")
    }
}
