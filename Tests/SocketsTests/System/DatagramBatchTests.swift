import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramBatch", .ownThread)
struct DatagramBatchTests {
    /// Two sockets and a batch.
    ///
    /// A struct holds them, because expectations cannot contain noncopyable values.
    private struct Fixture: ~Copyable {
        let receiver: Descriptor
        let sender: Descriptor
        var batch = DatagramBatch()

        static func make() throws -> Fixture {
            let receiver = try RawSockets.bound(.datagram)
            try System.setBlocking(receiver.number, false)
            return Fixture(receiver: receiver, sender: try RawSockets.bound(.datagram))
        }

        func send(_ bytes: [UInt8]) throws {
            let address = try System.getsockname(receiver.number)
            let count = try bytes.withUnsafeBytes {
                try System.sendto(sender.number, $0, [], address)
            }
            #expect(count == bytes.count)
        }

        /// Fills the batch and returns all its datagrams.
        mutating func receive() throws -> [[UInt8]] {
            let count = try System.recvmmsg(receiver.number, &batch, .fullLength)
            let isEmpty = batch.isEmpty
            #expect(!isEmpty)
            var all: [[UInt8]] = []
            while let datagram = batch.next() {
                #expect(datagram.originalCount == datagram.bytes.count)
                #expect(datagram.sender.content == (try System.getsockname(sender.number).content))
                #expect(datagram.local == nil)
                all.append(Array(datagram.bytes))
            }
            #expect(all.count == count)
            return all
        }
    }

    @Test("a batch returns all datagrams completely and in order, even empty datagrams")
    func order() throws {
        var fixture = try Fixture.make()
        let sent: [[UInt8]] = [[1], [], [2, 2], Array(repeating: 3, count: 60_000), [], [4]]
        for bytes in sent { try fixture.send(bytes) }
        let received = try fixture.receive()
        #expect(received == sent)
    }

    @Test("a refilled batch contains only the new datagrams")
    func again() throws {
        var fixture = try Fixture.make()
        for round in [3, 1, 2] as [UInt8] {
            for number in 1...round { try fixture.send([round, number]) }
            let received = try fixture.receive()
            #expect(received == (1...round).map { [round, $0] })
        }
    }

    @Test("a batch returns at most 16 datagrams, and the next call returns the rest")
    func capacity() throws {
        var fixture = try Fixture.make()
        for number in 0..<20 as Range<UInt8> { try fixture.send([number]) }
        let (first, second) = (try fixture.receive(), try fixture.receive())
        #expect(first == (0..<16).map { [$0] })
        #expect(second == (16..<20).map { [$0] })
    }

    @Test("a new batch is empty")
    func fresh() {
        var batch = DatagramBatch()
        let (isEmpty, next) = (batch.isEmpty, batch.next())
        #expect(isEmpty)
        #expect(next == nil)
    }

    @Test("recvmmsg without datagrams throws EAGAIN and leaves the batch empty")
    func nothing() throws {
        var fixture = try Fixture.make()
        do throws(Errno) {
            let count = try System.recvmmsg(fixture.receiver.number, &fixture.batch, .fullLength)
            Issue.record("\(count) datagrams were received from an empty socket")
        } catch {
            #expect(error == .wouldBlock)
        }
        let (isEmpty, next) = (fixture.batch.isEmpty, fixture.batch.next())
        #expect(isEmpty)
        #expect(next == nil)
    }
}
