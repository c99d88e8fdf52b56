import Foundation
import Sockets

/// Sends standard input to a port and writes the reply to standard output, with one of the library's
/// methods.
struct Transfer {
    private let method: String
    private let endpoint: Endpoint

    init(_ method: String, port: UInt16) {
        self.method = method
        endpoint = .tcp(arguments.count > 3 ? arguments[3] : "127.0.0.1", port: Port(port))
    }

    func run() async throws {
        let input = FileHandle.standardInput.readDataToEndOfFile()
        FileHandle.standardOutput.write(Data(try await copy(Array(input))))
    }

    private func copy(_ bytes: [UInt8]) async throws -> [UInt8] {
        switch method {
        case "blocking-exchange":
            return try Socket(to: endpoint).exchange(bytes, reading: .toEnd()).bytes
        case "blocking-pieces":
            return try pieces(bytes)
        case "tasks-exchange":
            return try await Connection(to: endpoint).exchange(bytes, reading: .toEnd()).bytes
        case "tasks-pieces":
            return try await duplex { try await $0.write(parts: parts(of: bytes)) }
        case "tasks-file":
            // This is why standard input is a file.
            return try await duplex { try await $0.sendFile(.standardInput) }
        default:
            fatalError("unknown method \(method)")
        }
    }

    private func duplex(
        _ writing: @escaping @Sendable (Connection) async throws -> Void
    ) async throws -> [UInt8] {
        let (received, _) = try await Connection(to: endpoint).duplex { connection in
            try await connection.readToEnd()
        } writing: { connection in
            try await writing(connection)
            try connection.shutdown(.write)
        }
        return received
    }

    private func pieces(_ bytes: [UInt8]) throws -> [UInt8] {
        let socket = try Socket(to: endpoint)
        let sending = Outcome()
        Thread.detachNewThread {
            sending.end {
                try socket.sendAll(parts: parts(of: bytes))
                try socket.shutdown(.write)
            }
        }
        let received = try SocketStream(socket).readToEnd()
        if let error = sending.error { throw error }
        return received
    }

    private func parts(of bytes: [UInt8]) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: 5_003).map {
            Array(bytes[$0..<min($0 + 5_003, bytes.count)])
        }
    }
}

/// Sends numbered datagrams to an echo service, a few at a time, and checks each echo.
///
/// No datagram may be altered or merged with another.
struct Datagrams {
    private let method: String
    private let endpoint: Endpoint
    private let count: Int

    /// The size of a datagram: a number of 8 bytes, and bytes that are computed from it.
    private static let size = 600
    /// The maximum number of datagrams in flight.
    private static let window = 32

    init(_ method: String, port: UInt16, count: Int) {
        self.method = method
        let host = arguments.count > 4 ? arguments[4] : "127.0.0.1"
        endpoint = .udp(host, port: Port(port))
        self.count = count
    }

    private static func datagram(_ number: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: $0 < 8 ? number >> (8 * $0) : number &* $0) }
    }

    func run() async throws {
        let channel = try await DatagramChannel(to: endpoint)
        let socket = try Socket(to: endpoint)
        var seen = Set<Int>()
        var (altered, copies) = (0, 0)
        for number in 0..<count {
            let isLast = number == count - 1
            let bytes = Self.datagram(number)
            if method == "tasks" {
                try await channel.send(bytes)
            } else {
                try socket.send(bytes)
            }
            guard number % Self.window == 0 || isLast else { continue }
            // A lost datagram never arrives, so the wait for it must end.
            let pause = TimeLimit.milliseconds(isLast ? 400 : 2)
            while let bytes = try await next(channel, socket, pause) {
                switch Self.number(in: bytes) {
                case let number? where number < count:
                    if !seen.insert(number).inserted { copies += 1 }
                default: altered += 1
                }
            }
        }
        say("\(count) sent, \(seen.count) came back, \(copies) twice, \(altered) altered")
        if altered > 0 { exit(1) }
    }

    /// Returns the next datagram, or nil if none arrives within `pause`.
    private func next(
        _ channel: DatagramChannel, _ socket: Socket, _ pause: TimeLimit
    ) async throws -> [UInt8]? {
        do throws(SocketError) {
            return method == "tasks"
                ? try await channel.receive(timeout: pause).bytes
                : try socket.receive(timeout: pause)
        } catch {
            guard case .timedOut = error.cause else { throw error }
            return nil
        }
    }

    /// Returns the number of a datagram, or nil if the datagram was altered.
    private static func number(in bytes: [UInt8]) -> Int? {
        guard bytes.count == size else { return nil }
        let number = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard (0..<1 << 32).contains(number), bytes == datagram(number) else { return nil }
        return number
    }
}
