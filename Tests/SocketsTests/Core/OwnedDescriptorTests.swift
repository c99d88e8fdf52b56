import Testing

@testable import Sockets

@Suite("OwnedDescriptor and OwnedSocket", .ownThread)
struct OwnedDescriptorTests {
    @Test("an OwnedDescriptor closes its descriptor at the end of the scope")
    func closes() throws {
        let number: Int32
        let socket: UInt
        do {
            let descriptor = OwnedDescriptor(try System.socket(.unix, .stream))
            number = descriptor.number
            socket = try #require(inode(of: number))
        }
        #expect(inode(of: number) != socket)
    }

    @Test("a descriptor that was taken from an OwnedDescriptor stays open")
    func taken() throws {
        let descriptor = OwnedDescriptor(try System.socket(.unix, .stream))
        let socket = try #require(inode(of: descriptor.number))
        let number = descriptor.take()
        #expect(inode(of: number) == socket)
        System.close(number)
    }

    @Test("an OwnedSocket that gets no new owner removes its socket file")
    func file() throws {
        let address = SocketAddress.unix(try #require(UnixAddress(path: Loopback.unixPath())))
        do {
            let socket = try OwnedSocket.bound(
                on: address, .stream, ListenOptions())
            let hasFile = socket.file != nil
            #expect(hasFile)
            #expect(UnixSocketFile(boundTo: address)?.keep() != nil)
        }
        #expect(UnixSocketFile(boundTo: address) == nil)
    }

    @Test("raw(for:) maps an IPv4 address for an IPv6 socket, and throws for a Unix socket")
    func family() throws {
        let error = #expect(throws: SocketError.self) {
            try Loopback.ipv4.raw(for: .unix, .connect, on: -1)
        }
        #expect(error?.operation == .connect)
        #expect(
            try Loopback.ipv4.raw(for: .ipv6, .connect, on: -1).content
                == Loopback.ipv4.raw(for: .ipv6).content)
    }
}
