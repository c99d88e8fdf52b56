import Glibc
import Testing

@testable import Sockets

@Suite("DatagramChannel: release, duplicate", .ownThread)
struct DatagramChannelDescriptorTests {
    @Test("release returns a blocking descriptor, which receives the next datagram")
    func release() async throws {
        let channel = try DatagramChannel(on: Loopback.ipv4)
        let socket = try Socket(adopting: channel.release())
        #expect(channel.isClosed)
        #expect(fcntl(socket.descriptor, F_GETFL) & O_NONBLOCK == 0)
        try Socket(to: channel.localAddress, type: .datagram).send("x")
        #expect(try socket.receive(timeout: .seconds(10)) == [0x78])
    }

    @Test("release throws until receive has returned all received datagrams")
    func unread() async throws {
        let channel = try DatagramChannel(on: Loopback.ipv4)
        let sender = try Socket(to: channel.localAddress, type: .datagram)
        for text in ["one", "two"] { try sender.send(text) }
        #expect(try await channel.receive().text == "one")
        let error = #expect(throws: SocketError.self) { try channel.release() }
        #expect(
            error?.cause == .invalidInput("received datagrams have not been returned yet"))
        #expect(try await channel.receive().text == "two")
        try channel.release().close()
    }

    @Test("release fails with EBUSY while a task receives, and the receive continues")
    func busy() async throws {
        let channel = try DatagramChannel(on: Loopback.ipv4)
        async let datagram = channel.receive()
        await channel.untilReading()
        let error = #expect(throws: SocketError.self) { try channel.release() }
        #expect(error?.errno == .resourceBusy)
        try Socket(to: channel.localAddress, type: .datagram).send("x")
        #expect(try await datagram.text == "x")
    }

    @Test("a duplicate receives and sends after the original was closed")
    func duplicate() async throws {
        let channel = try DatagramChannel(on: Loopback.ipv4)
        let copy = try channel.duplicate()
        #expect(copy.localAddress == channel.localAddress)
        channel.close()
        let sender = try Socket(to: copy.localAddress, type: .datagram)
        try sender.send("x")
        let datagram = try await copy.receive(timeout: .seconds(10))
        #expect(datagram.text == "x")
        #expect(try await copy.reply(to: datagram, with: "y"))
        #expect(try sender.receive(timeout: .seconds(10)) == [0x79])
    }

    @Test("release and duplicate of a closed channel throw .closed")
    func closed() throws {
        let channel = try DatagramChannel(on: Loopback.ipv4)
        channel.close()
        let attempts: [() throws -> Void] = [
            { _ = try channel.release() }, { _ = try channel.duplicate() },
        ]
        for attempt in attempts {
            let error = #expect(throws: SocketError.self) { try attempt() }
            #expect(error?.cause == .closed)
        }
    }
}
