import Testing

@testable import Sockets

@Suite("Exchange", .ownThread)
final class ExchangeTests {
    private var input = ByteBuffer(capacity: 64)
    private var scanner = LineScanner(limit: 64)
    private var isAtEnd = false

    private func step(
        _ exchange: inout Exchange, _ socket: Socket, _ request: [UInt8]
    ) -> Exchange.Step {
        let descriptor = socket.descriptor
        var step = Exchange.Step.moved
        while case .moved = step {
            step = request.withUnsafeBytes {
                exchange.step(
                    descriptor, $0, &input, &scanner, isAtEnd: &isAtEnd, socket.connectionError)
            }
        }
        return step
    }

    @Test("Exchange.blocked contains only the directions for which the exchange must wait")
    func waits() throws {
        let (here, there) = try Socket.pair()
        let request = [UInt8](repeating: 7, count: 8 << 20)
        var exchange = Exchange(request.count, .line, delimitedLimit: 65536, keepsSurplus: false)
        guard case .blocked(sends: true, receives: true) = step(&exchange, here, request) else {
            Issue.record("expected a wait for both directions")
            return
        }
        #expect(exchange.isIncomplete)
        // After the reply, the exchange needs no further input.
        try there.sendAll("reply\nsurplus")
        guard case .blocked(sends: true, receives: false) = step(&exchange, here, request) else {
            Issue.record("expected a wait for space only")
            return
        }
        // Unlike a close, a shutdown has its effect at once, even while another test starts a
        // program.
        try there.shutdown(.both)
        guard case .finished(let reply) = step(&exchange, here, request) else {
            Issue.record("expected the exchange to finish")
            return
        }
        #expect(reply.text == "reply")
        #expect(reply.unsentRequestBytes == request.count - exchange.bytesTransferred)
    }

    @Test("an exchange receives nothing beyond a delimiter or a frame that arrives in pieces")
    func pieces() throws {
        for (framing, text) in [
            (Framing.until("\r\n\r\n"), "one\r\r\n\r\n"), (.frame(length: .uint16()), "\0\u{3}one"),
        ] {
            let (here, there) = try Socket.pair()
            var exchange = Exchange(1, framing, delimitedLimit: 64, keepsSurplus: false)
            for byte in text.utf8.dropLast() {
                try there.sendAll([byte])
                guard case .blocked(sends: false, receives: true) = step(&exchange, here, [7])
                else {
                    Issue.record("expected a wait for the rest of the reply")
                    return
                }
            }
            try there.sendAll([text.utf8.last!] + Array("surplus".utf8))
            guard case .finished(let reply) = step(&exchange, here, [7]) else {
                Issue.record("expected the exchange to finish")
                return
            }
            let isFrame = if case .frame = framing { true } else { false }
            #expect(reply.text == (isFrame ? "one" : text))
            #expect(try here.receive() == Array("surplus".utf8))
        }
    }

    @Test("an empty line or frame is a reply even if the peer closes before it reads the request")
    func emptyReplyBeforeClose() throws {
        for (framing, bytes) in [
            (Framing.line, [0x0A]), (.frame(length: .uint16()), [0, 0]),
        ] as [(Framing, [UInt8])] {
            let (here, there) = try Socket.pair()
            let request = [UInt8](repeating: 7, count: 8 << 20)
            var exchange = Exchange(
                request.count, framing, delimitedLimit: 65536, keepsSurplus: false)
            try there.sendAll(bytes)
            guard case .blocked(sends: true, receives: false) = step(&exchange, here, request)
            else {
                Issue.record("expected a wait for space only")
                return
            }
            try there.shutdown(.both)
            guard case .finished(let reply) = step(&exchange, here, request) else {
                Issue.record("expected the exchange to finish")
                return
            }
            #expect(reply.bytes.isEmpty)
            #expect(reply.unsentRequestBytes == request.count - exchange.bytesTransferred)
        }
    }

    @Test("a reply of zero bytes consumes no input")
    func emptyReply() throws {
        let (here, there) = try Socket.pair()
        var exchange = Exchange(1, .exactly(0), delimitedLimit: 65536, keepsSurplus: true)
        [1, 2].withUnsafeBytes { input.append($0) }
        let size = input.count
        guard case .finished(let reply) = step(&exchange, here, [7]) else {
            Issue.record("expected the exchange to finish")
            return
        }
        #expect(reply.bytes.isEmpty)
        #expect(input.count == size)
        #expect(try there.receive() == [7])
    }

    #if DEBUG
        @Test("a step repeats a call after EINTR without waiting")
        func interrupted() throws {
            let (here, there) = try Socket.pair()
            var exchange = Exchange(1, .line, delimitedLimit: 65536, keepsSurplus: true)
            var last = FaultInjection.during([.send: [.error(.interrupted)]]) {
                step(&exchange, here, [1])
            }
            guard case .blocked(sends: false, receives: true) = last else {
                Issue.record("expected a wait for the reply, found \(last)")
                return
            }
            try there.sendAll("reply\n")
            last = FaultInjection.during([.recv: [.error(.interrupted)]]) {
                step(&exchange, here, [1])
            }
            guard case .finished(let reply) = last else {
                Issue.record("expected the exchange to finish, found \(last)")
                return
            }
            #expect(reply.text == "reply")
        }

        @Test("a request that cannot be sent fails the exchange without waiting for the reply")
        func cannotSend() throws {
            let (here, there) = try Socket.pair()
            var exchange = Exchange(
                2, .toEnd(limit: 10), delimitedLimit: 65536, keepsSurplus: false)
            let last = FaultInjection.during([.send: [.error(.notPermitted)]]) {
                step(&exchange, here, [1, 2])
            }
            guard case .failed(.system(.notPermitted), bytesTransferred: 0, partialBytes: []) = last
            else {
                Issue.record("expected a failure with its cause, found \(last)")
                return
            }
            there.close()
        }
    #endif

    @Test("an exchange with the framing toEnd half-closes the connection after the request")
    func halfCloses() throws {
        let (here, there) = try Socket.pair()
        var exchange = Exchange(2, .toEnd(limit: 10), delimitedLimit: 65536, keepsSurplus: true)
        guard case .blocked(sends: false, receives: true) = step(&exchange, here, [1, 2]) else {
            Issue.record("expected a wait for the reply")
            return
        }
        #expect(try there.receive() == [1, 2])
        #expect(try there.receive(timeout: .seconds(5)).isEmpty)
    }
}
