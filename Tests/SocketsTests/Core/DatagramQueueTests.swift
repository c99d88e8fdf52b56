import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramQueue", .ownThread)
struct DatagramQueueTests {
    @Test("refill returns whether the socket has been drained")
    func more() throws {
        let receiver = try RawSockets.bound(.datagram)
        let sender = try RawSockets.bound(.datagram)
        let address = try System.getsockname(receiver.number)
        let inbox = DatagramQueue()
        #expect(inbox.isEmpty)
        for _ in 0...DatagramBatch.capacity {
            try Array("x".utf8).withUnsafeBytes {
                _ = try System.sendto(sender.number, $0, [], address)
            }
        }
        #expect(try inbox.refill(from: receiver.number) == false)
        for _ in 0..<DatagramBatch.capacity { #expect(inbox.next()?.bytes.count == 1) }
        #expect(inbox.isEmpty)
        #expect(try inbox.refill(from: receiver.number) == true)
        #expect(inbox.next()?.bytes.count == 1)
        #expect(inbox.next() == nil)
    }
}
