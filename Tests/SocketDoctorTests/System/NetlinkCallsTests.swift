import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Netlink calls", .ownThread)
struct NetlinkCallsTests {
    private func diagnosis(limit: UInt64 = 5_000_000) throws -> Descriptor {
        Descriptor(try System.diagnosisSocket(timeoutMicroseconds: limit))
    }

    @Test("the kernel answers a netlink request")
    func answer() throws {
        let socket = try diagnosis()
        try System.send(socket.number, request: MachineSocket.List.unix.request)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = try System.recv(socket.number, into: &buffer)
        #expect(count >= 16)
        #expect(socket.isCloseOnExec)
    }

    @Test("the kernel answers an invalid netlink request with an error")
    func malformed() throws {
        let socket = try diagnosis()
        try System.send(socket.number, request: NetlinkMessage.request([255, 0, 0, 0]))
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = try System.recv(socket.number, into: &buffer)
        guard case .failed(let number) = MachineSocket.decode(buffer[..<count], at: .zero).end
        else {
            Issue.record("the kernel sent no error")
            return
        }
        #expect(number > 0)
    }

    @Test("receiving throws EAGAIN if the kernel does not answer within the time limit")
    func limit() throws {
        let socket = try diagnosis(limit: 20_000)
        var buffer = [UInt8](repeating: 0, count: 64)
        #expect(throws: Errno.wouldBlock) { try System.recv(socket.number, into: &buffer) }
    }
}
