import SystemPackage
import Testing

@testable import Sockets

#if DEBUG
    /// Verifies that a reply that has arrived is returned before the error of the request.
    @Suite("Replies that arrive before an error", .ownThread)
    struct ArrivedRepliesTests {
        private static let sendErrors: [Errno] = [
            .connectionReset, .timedOut, .connectionAbort, .noRouteToHost, .networkUnreachable,
            .hostIsDown, .networkDown, .protocolError, .notPermitted, .noBufferSpace,
        ]

        /// Returns a TCP socket that has received `text`, and its peer.
        private func answered(_ text: String) throws -> (here: Socket, there: Socket) {
            let (here, there) = try Loopback.tcpPair()
            try there.sendAll(text)
            while try here.peek().count < text.utf8.count {}
            return (here, there)
        }

        @Test(
            "a stream returns the received line, whichever error the request fails with",
            arguments: sendErrors)
        func lineBeforeTheError(code: Errno) throws {
            let (here, there) = try answered("one\n")
            let stream = SocketStream(here)
            try stream.write("request")
            let line = try FaultInjection.during([.send: [.error(code)]]) {
                try stream.readLine(timeout: .seconds(5))
            }
            #expect(line == "one")
            // Without more bytes, the error is the result.
            let error = #expect(throws: SocketError.self) {
                try FaultInjection.during([.send: [.error(code)]]) { try stream.readLine() }
            }
            #expect(error?.errno == code)
            withExtendedLifetime(there) {}
        }

        @Test(
            "an exchange returns the received reply, whichever error the request fails with",
            arguments: sendErrors)
        func replyBeforeTheError(code: Errno) async throws {
            typealias Exchange = @Sendable (Socket) async throws -> Reply
            let exchanges: [Exchange] = [
                { try $0.exchange("request", reading: .line, timeout: .seconds(5)) },
                { try SocketStream($0).exchange("request", reading: .line, timeout: .seconds(5)) },
                {
                    try await Connection(adopting: $0).exchange(
                        "request", reading: .line, timeout: .seconds(5))
                },
            ]
            for exchange in exchanges {
                for (text, isComplete) in [("one\n", true), ("on", false)] {
                    let (here, there) = try answered(text)
                    let result = await FaultInjection.$current.withValue(
                        FaultInjection([.send: [.error(code)]])
                    ) { () -> Result<Reply, any Error> in
                        do { return .success(try await exchange(here)) } catch {
                            return .failure(error)
                        }
                    }
                    switch result {
                    case .success(let reply):
                        #expect(isComplete)
                        #expect(reply.text == "one")
                        #expect(reply.unsentRequestBytes == 7)
                    case .failure(let error):
                        #expect(!isComplete)
                        #expect((error as? SocketError)?.errno == code)
                        #expect((error as? SocketError)?.partialBytes == Array("on".utf8))
                    }
                    withExtendedLifetime(there) {}
                }
            }
        }
    }
#endif
