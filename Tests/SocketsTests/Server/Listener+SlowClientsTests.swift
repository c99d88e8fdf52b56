import Foundation
import Logging
import Testing

@testable import Sockets

@Suite("Listener: slow TLS clients", .ownThread, .needsOpenSSL)
struct ListenerSlowClientsTests {
    /// Returns the bytes with which a client begins.
    private static func hello() throws -> [UInt8] {
        let engine = try TLSPeers.client().engine(host: nil, port: 443)
        var pipe = TLSPipe()
        _ = engine.handshake(&pipe)
        return pipe.overflow
    }

    @Test(
        "a client that sends its ClientHello byte by byte is disconnected at the handshake's limit")
    func dripping() async throws {
        let log = LogRecorder()
        let options = ServeOptions(handshakeTimeout: .milliseconds(300), logger: log.logger)
        let hello = try Self.hello()
        try await TLSPeers.serving(options: options) { _ in
            Issue.record("a handler ran")
        } _: { address in
            let client = try await Connection(to: address)
            let start = ContinuousClock.now
            let dripping = Task {
                for byte in hello {
                    try await client.write([byte])
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            // The end, or a reset if a byte arrived after the server had closed.
            _ = try? await client.read(timeout: .seconds(20))
            let elapsed = ContinuousClock.now - start
            dripping.cancel()
            #expect(elapsed >= .milliseconds(290) && elapsed < .seconds(10))
        }
        let texts = log.messages.map { "\($0.metadata["error"].map { "\($0)" } ?? "")" }
        #expect(texts.contains { $0.contains("no answer in 300 ms") })
    }

    @Test("a connect times out at its limit if the server answers byte by byte")
    func drippingServer() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            let client = try await listener.accept()
            while true {
                // The header of a long record, and then its contents.
                for byte: UInt8 in [22, 3, 3, 0x3F, 0xFF] { try await client.write([byte]) }
                for _ in 0..<16383 {
                    try await client.write([2])
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
        }
        let tls = try TLSPeers.client()
        do throws(SocketError) {
            _ = try await Connection(
                to: listener.localAddress, timeout: .milliseconds(300), tls: tls)
            Issue.record("expected a timeout")
        } catch {
            #expect(error.cause == .timedOut(limit: .milliseconds(300)))
        }
        serving.cancel()
        _ = await serving.result
    }

    @Test("1,000 half-open handshakes end at their limit, delay no client, and leak no memory")
    func halfOpen() async {
        await #expect(processExitsWith: .success) { try await Self.halfOpen() }
    }

    private static func halfOpen() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let options = ServeOptions(
            handshakeTimeout: .seconds(1),
            logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
        let hello = try hello()
        let tls = try TLSPeers.client()
        try await TLSPeers.serving(options: options) {
            try await $0.echo()
        } _: { address in
            var residents: [Int] = []
            for _ in 0..<5 {
                var clients: [Connection] = []
                for number in 0..<1000 {
                    let client = try await Connection(to: address)
                    // Nothing, a part of the ClientHello, or all of it.
                    switch number % 3 {
                    case 0: break
                    case 1: try await client.write(Array(hello[..<(hello.count / 2)]))
                    default: try await client.write(hello)
                    }
                    clients.append(client)
                    guard number.isMultiple(of: 100) else { continue }
                    let other = try await Connection(to: address, tls: tls)
                    let reply = try await other.exchange("a\n", reading: .line)
                    precondition(reply.text == "a")
                    await other.finish()
                }
                for client in clients {
                    let hasEnded = await isEnded(client)
                    precondition(hasEnded)
                }
                residents.append(try residentBytes())
            }
            // A sanitizer keeps freed memory. The first rounds fill the caches of the allocator.
            let isSanitized = dlsym(nil, "__sanitizer_set_report_fd") != nil
            precondition(
                isSanitized || residents[4] - residents[1] < 4 << 20, "\(residents)")
        }
    }

    /// Returns whether the server ends or resets a connection.
    private static func isEnded(_ client: Connection) async -> Bool {
        do throws(SocketError) {
            while case let bytes = try await client.read(timeout: .seconds(20)), !bytes.isEmpty {}
            return true
        } catch {
            return !error.isTimeout
        }
    }

    /// Returns the memory of this process in bytes, after the C library has returned free pages.
    private static func residentBytes() throws -> Int {
        typealias Trim = @convention(c) (Int) -> Int32
        _ = unsafeBitCast(try #require(dlsym(nil, "malloc_trim")), to: Trim.self)(0)
        let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = text?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
