import Sockets
import Testing

@Suite("SocketError patterns")
struct SocketErrorPatternsTests {
    private static let pairs: [(SocketError.Pattern, SocketError.Cause)] = [
        (SocketError.timedOut, .timedOut(limit: .seconds(1))),
        (SocketError.timedOut, .timedOut(limit: nil)),
        (SocketError.timedOut, .system(.timedOut)),
        (SocketError.cancelled, .cancelled),
        (SocketError.closed, .closed),
        (SocketError.endOfStream, .endOfStream),
        (SocketError.incompleteWrite, .incompleteWrite),
        (SocketError.busy, .busy),
        (SocketError.selfConnect, .selfConnect),
        (SocketError.lineTooLong, .lineTooLong(limit: 80)),
        (SocketError.tooLarge, .tooLarge(limit: 80)),
        (SocketError.invalidInput, .invalidInput("expected a port")),
        (SocketError.hostLookup, .hostLookup(.tryAgain)),
        (SocketError.unknownService, .unknownService("chat", transport: .tcp)),
        (SocketError.noServicesDatabase, .noServicesDatabase),
        (SocketError.proxy, .proxy(.authenticationRequired)),
        (SocketError.connectionRefused, .system(.connectionRefused)),
        (SocketError.connectionReset, .system(.connectionReset)),
        (SocketError.brokenPipe, .system(.brokenPipe)),
        (SocketError.addressInUse, .system(.addressInUse)),
        (SocketError.addressNotAvailable, .system(.addressNotAvailable)),
        (SocketError.networkUnreachable, .system(.networkUnreachable)),
        (SocketError.noRouteToHost, .system(.noRouteToHost)),
        (SocketError.permissionDenied, .system(.permissionDenied)),
        (SocketError.Pattern(.tooManyOpenFiles), .system(.tooManyOpenFiles)),
    ]

    private struct OtherError: Error {}

    private func fail(_ cause: SocketError.Cause) throws(SocketError) {
        throw SocketError(.read, cause)
    }

    private func succeed() throws {}

    @Test("each error pattern matches only its own causes")
    func eachPatternMatchesItsCauses() {
        for (index, (pattern, _)) in Self.pairs.enumerated() {
            for (other, (_, cause)) in Self.pairs.enumerated() {
                // The first three pairs are the three causes of one pattern.
                let isExpected = index == other || (index < 3 && other < 3)
                #expect((pattern ~= SocketError(.read, cause)) == isExpected, "\(index) \(other)")
            }
        }
    }

    @Test("the pattern `nameResolution` matches a name-resolution error")
    func nameResolution() {
        guard case SocketError.nameResolution = nameResolutionError() else {
            Issue.record("no match")
            return
        }
    }

    private func nameResolutionError() -> any Error {
        do {
            _ = try Resolver.resolve(.tcp("www.example.com", port: 80), numericOnly: true)
            return OtherError()
        } catch {
            return error
        }
    }

    @Test("an error pattern does not match an error of another type")
    func otherErrors() {
        #expect(!(SocketError.timedOut ~= OtherError()))
        #expect(!(SocketError.connectionRefused ~= Errno.connectionRefused))
    }

    @Test("an error pattern matches in a typed catch")
    func typedCatch() {
        do throws(SocketError) {
            try fail(.timedOut(limit: nil))
            Issue.record("not thrown")
        } catch SocketError.cancelled {
            Issue.record("the wrong pattern")
        } catch SocketError.timedOut {
        } catch {
            Issue.record(error)
        }
    }

    @Test("an error pattern matches in a do block with other throwing calls")
    func mixedCatch() {
        do {
            try succeed()
            try fail(.system(.connectionRefused))
            Issue.record("not thrown")
        } catch SocketError.timedOut {
            Issue.record("the wrong pattern")
        } catch SocketError.connectionRefused {
        } catch {
            Issue.record(error)
        }
    }

    @Test("an error pattern matches in a catch inside a closure")
    func catchInAClosure() {
        let outcome = ["a"].map { text in
            do {
                try fail(.cancelled)
                return text
            } catch SocketError.closed {
                return "closed"
            } catch SocketError.cancelled {
                return "cancelled"
            } catch {
                return "\(error)"
            }
        }
        #expect(outcome == ["cancelled"])
    }

    @Test("the short form of an error pattern, such as .timedOut, matches in a typed catch")
    func shortForm() {
        do throws(SocketError) {
            try fail(.timedOut(limit: .seconds(1)))
        } catch .connectionRefused {
            Issue.record("the wrong pattern")
        } catch .timedOut {
        } catch {
            Issue.record(error)
        }
        do throws(SocketError) {
            try fail(.system(.connectionRefused))
        } catch .cancelled {
            Issue.record("the wrong pattern")
        } catch .connectionRefused {
        } catch {
            Issue.record(error)
        }
        do throws(SocketError) {
            try fail(.cancelled)
        } catch .timedOut {
            Issue.record("the wrong pattern")
        } catch .cancelled {
        } catch {
            Issue.record(error)
        }
    }

    @Test("an Errno pattern matches the same system error and the equivalent cause")
    func errno() {
        func isMatch(_ code: Errno, _ cause: SocketError.Cause) -> Bool {
            code ~= SocketError(.read, cause)
        }
        #expect(isMatch(.connectionReset, .system(.connectionReset)))
        #expect(!isMatch(.connectionReset, .system(.connectionRefused)))
        #expect(isMatch(.timedOut, .system(.timedOut)))
        #expect(isMatch(.timedOut, .timedOut(limit: nil)))
        #expect(!isMatch(.timedOut, .cancelled))
        #expect(isMatch(.canceled, .cancelled))
        #expect(!isMatch(.canceled, .timedOut(limit: nil)))
        #expect(!isMatch(.badFileDescriptor, .closed))
    }
}
