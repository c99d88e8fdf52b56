import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("PacketConnection: sending", .ownThread)
struct PacketConnectionSendingTests {
    /// Sends packets until the kernel accepts no more, and returns their number.
    private static func fill(_ connection: PacketConnection) async throws -> Int {
        var count = 0
        while true {
            do throws(SocketError) {
                try await connection.send("\(count)", timeout: .milliseconds(20))
            } catch {
                guard error.isTimeout else { throw error }
                return count
            }
            count += 1
        }
    }

    @Test("a send waits until the peer receives, and a time limit or a cancellation ends the wait")
    func full() async throws {
        let (one, other) = try PacketConnection.pair()
        let count = try await Self.fill(one)
        #expect(count > 0)
        let cancelled = Task { try await one.send("cancelled") }
        while !one.source.writers.isTaken { await Task.yield() }
        cancelled.cancel()
        let error = await #expect(throws: SocketError.self) { try await cancelled.value }
        #expect(error?.cause == .cancelled)
        async let sent: Void = one.send("last")
        for number in 0..<count {
            #expect(try await other.receive(timeout: .seconds(10))?.text == "\(number)")
        }
        try await sent
        #expect(try await other.receive(timeout: .seconds(10))?.text == "last")
    }

    @Test("the packets of several tasks arrive whole")
    func tasks() async throws {
        let (one, other) = try PacketConnection.pair()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<500 { try await one.send("\(task) \(number)") }
                }
            }
            group.addTask {
                var next = [Int](repeating: 0, count: 8)
                while next.reduce(0, +) < 4_000 {
                    let text = try #require(await other.receive(timeout: .seconds(10))).text
                    let words = text.split(separator: " ").compactMap { Int($0) }
                    try #require(words.count == 2)
                    #expect(words[1] == next[words[0]])
                    next[words[0]] += 1
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a packet that does not fit into the send buffer throws EMSGSIZE, and is not sent")
    func tooLong() async throws {
        let (one, other) = try PacketConnection.pair()
        try one.setOption(.sendBufferSize, to: 8192)
        let error = await #expect(throws: SocketError.self) {
            try await one.send([UInt8](repeating: 0, count: 100_000))
        }
        #expect(error?.errno == .messageTooLong)
        try await one.send("x")
        #expect(try await other.receive()?.text == "x")
    }

    @Test("descriptors arrive with their packet, even if the packet is empty")
    func descriptors() async throws {
        let (one, other) = try PacketConnection.pair()
        for text in ["two", ""] {
            try await one.withFileDescriptor {
                try await one.send(text, descriptors: [$0, .standardInput])
            }
            var message = try await other.message(descriptorsAtMost: 2)
            #expect(message.bytes == Array(text.utf8))
            #expect(message.originalCount == text.utf8.count)
            #expect(message.descriptorCount == 2)
            let first = message.takeDescriptor()
            let copy = Descriptor(try #require(first).rawValue)
            #expect(copy.isCloseOnExec)
            #expect(inode(of: copy.number) == inode(of: one.source.descriptor))
        }
        one.close()
        let isEnd = try await other.receive(descriptorsAtMost: 2) == nil
        #expect(isEnd)
    }

    @Test("a truncated packet keeps its descriptors and its original length")
    func truncated() async throws {
        let (one, other) = try PacketConnection.pair()
        try await one.send("packet", descriptors: [.standardInput])
        let message = try await other.message(atMost: 2, descriptorsAtMost: 1)
        #expect(message.bytes == Array("pa".utf8))
        #expect(message.originalCount == 6)
        #expect(message.isTruncated == true)
        #expect(message.descriptorCount == 1)
    }

    @Test("if a packet has too many descriptors, the error has its bytes and no descriptor leaks")
    func tooMany() async throws {
        let (one, other) = try PacketConnection.pair()
        let pipe = try WatchedPipe()
        try await one.send("x", descriptors: [pipe.reader, pipe.reader])
        try pipe.reader.close()
        let error = await #expect(throws: SocketError.self) {
            _ = try await other.receive(descriptorsAtMost: 1)
        }
        #expect(
            error?.cause == .invalidInput("the message has more descriptors than the limit of 1"))
        #expect(error?.partialBytes == [0x78])
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("a receive that omits `descriptorsAtMost` discards descriptors")
    func discarded() async throws {
        let (one, other) = try PacketConnection.pair()
        let pipe = try WatchedPipe()
        try await one.send("", descriptors: [pipe.reader])
        try pipe.reader.close()
        #expect(try await other.receive() == Packet(bytes: [], originalCount: 0))
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("sending more than 253 descriptors throws `invalidInput`")
    func limit() async throws {
        let (one, _) = try PacketConnection.pair()
        let error = await #expect(throws: SocketError.self) {
            try await one.send("x", descriptors: Array(repeating: .standardInput, count: 254))
        }
        guard case .invalidInput = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
