import Testing

@testable import Sockets

@Suite("SocketStream", .ownThread)
struct SocketStreamTests {
    @Test("SocketStream(to:) connects to an endpoint")
    func connects() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let port = Port(try #require(listener.localAddress.port))
        let stream = try SocketStream(to: .tcp("127.0.0.1", port: port))
        let server = try listener.accept(timeout: .seconds(5))
        try server.sendAll("hello\n")
        #expect(try stream.readLine() == "hello")
    }

    @Test("close flushes the buffer and closes the socket, and a second close has no effect")
    func close() throws {
        let (one, other) = try Socket.pair()
        let stream = SocketStream(one)
        try stream.write("the last words")
        try stream.close()
        #expect(one.isClosed)
        #expect(try other.receive() == Array("the last words".utf8))
        #expect(try other.receive().isEmpty)
        try stream.close()
    }

    @Test("close closes the socket even if the flush fails, and the error counts the lost bytes")
    func closeReportsLoss() throws {
        let (one, other) = try Socket.pair()
        other.close()
        let stream = SocketStream(one)
        try stream.write("five!")
        let error = #expect(throws: SocketError.self) { try stream.close() }
        #expect(error?.errno == .brokenPipe)
        #expect(error?.unsentRequestBytes == 5)
        #expect(error?.description == "cannot write: broken pipe (5 bytes were lost)")
        #expect(one.isClosed)
    }

    @Test("close throws `timedOut` with the number of lost bytes and closes the socket")
    func closeTimesOut() throws {
        let (one, other) = try Socket.pair()
        _ = try Loopback.fill(one)
        let stream = SocketStream(one)
        try stream.write("stuck")
        let error = #expect(throws: SocketError.self) {
            try stream.close(timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        #expect(error?.unsentRequestBytes == 5)
        #expect(one.isClosed)
        withExtendedLifetime(other) {}
    }

    @Test("readLine and write throw if the socket is a datagram socket")
    func datagramSocket() throws {
        let (one, _) = try Socket.pair(.datagram)
        let stream = SocketStream(one)
        let error = #expect(throws: SocketError.self) { try stream.readLine() }
        #expect(
            error?.description
                == "cannot read: the socket's type is datagram: expected a stream socket")
        #expect(throws: SocketError.self) { try stream.write("x") }
    }

    @Test("two SocketStreams on one socket read and write 20,000 lines on two threads")
    func twoStreams() throws {
        let (one, other) = try Loopback.tcpPair()
        let lines = 20_000
        let writing = Background {
            let stream = SocketStream(one)
            for number in 0..<lines { try stream.write("line \(number)\n") }
            try stream.flush()
            try one.shutdown(.write)
        }
        let echo = Background {
            let stream = SocketStream(other)
            while let line = try stream.readLine() { try stream.write(line + "\r\n") }
            try stream.close()
        }
        let stream = SocketStream(one)
        var count = 0
        while let line = try stream.readLine() {
            if line != "line \(count)" { Issue.record("\(line) instead of line \(count)") }
            count += 1
        }
        #expect(count == lines)
        try writing.value()
        try echo.value()
    }
}
