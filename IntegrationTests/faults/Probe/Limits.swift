import Foundation
import Sockets

/// Many concurrent waits that only their time limits end, each with another limit.
///
/// For each wait, it prints how many seconds late the limit ended it. Early ends are negative.
struct Limits {
    private let count: Int

    init(count: Int) { self.count = count }

    /// Returns a limit between 0.2 and 1.2 s, which differs for each wait.
    private func limit(_ number: Int) -> Duration {
        .milliseconds(200) + .milliseconds(1000) * number / count
    }

    /// Waits on threads: accept, receive, readLine, and send to a peer that does not read.
    func blocking() throws {
        _ = payload.count
        let listener = try Socket(on: .ipv4(.loopback, port: 0))
        // A listener without clients.
        let quiet = try Socket(on: .ipv4(.loopback, port: 0))
        let group = DispatchGroup()
        for number in 0..<count {
            let limit = limit(number)
            let (here, there) = try number % 2 == 0 ? Socket.pair() : connectedPair(listener)
            group.enter()
            Thread.detachNewThread {
                var start = ContinuousClock.now
                do throws(SocketError) {
                    switch number % 5 {
                    case 0: _ = try here.receive(timeout: TimeLimit(limit))
                    case 1: _ = try SocketStream(here).readLine(timeout: TimeLimit(limit))
                    case 2, 3:
                        // Repeats until the peer's buffers are full.
                        while true {
                            start = .now
                            try here.sendAll(payload, timeout: TimeLimit(limit))
                        }
                    default: _ = try quiet.accept(timeout: TimeLimit(limit))
                    }
                    say("wrong \(number) ended without an error")
                } catch {
                    report(start, limit, error)
                }
                there.close()
                group.leave()
            }
        }
        group.wait()
    }

    private func connectedPair(_ listener: Socket) throws -> (Socket, Socket) {
        let client = try Socket(to: listener.localAddress)
        return (client, try listener.accept())
    }

    /// Waits in tasks: read, readLine, write to a peer that does not read, and receive of a datagram.
    func tasks() async throws {
        _ = payload.count
        let listener = try Listener(on: .ipv4(.loopback, port: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                let limit = limit(number)
                let here = try await Connection(to: listener.localAddress)
                let there = try await listener.accept()
                // Small buffers, because this checks limits and not throughput.
                try here.setOption(.sendBufferSize, to: 1 << 16)
                try there.setOption(.receiveBufferSize, to: 1 << 16)
                let channel = try DatagramChannel(on: .ipv4(.loopback, port: 0))
                group.addTask {
                    var start = ContinuousClock.now
                    do throws(SocketError) {
                        switch number % 4 {
                        case 0: _ = try await here.read(timeout: TimeLimit(limit))
                        case 1: _ = try await here.readLine(timeout: TimeLimit(limit))
                        case 2: _ = try await channel.receive(timeout: TimeLimit(limit))
                        default:
                            while true {
                                start = .now
                                try await here.write(payload, timeout: TimeLimit(limit))
                            }
                        }
                        say("wrong \(number) ended without an error")
                    } catch {
                        report(start, limit, error)
                    }
                    there.close()
                }
            }
            try await group.waitForAll()
        }
    }
}
