import Testing

@testable import Sockets

@Suite("ProxyDialogue")
struct ProxyDialogueTests {
    private static let endpoint = Endpoint.tcp("proxy.example", port: 1080)

    private func dialogue(_ example: ProxyCase) throws -> ProxyDialogue {
        let hops = try example.proxy(Self.endpoint).hops(to: example.target)
        return try hops[0].dialogue(until: Deadline(startingNow: .never))
    }

    /// Plays the exchanges with replies in chunks, and returns the requests.
    private func play(
        _ example: ProxyCase, chunk: Int, _ dialogue: inout ProxyDialogue
    ) -> [[UInt8]] {
        var requests: [[UInt8]] = []
        for exchange in example.exchanges {
            guard let request = dialogue.takeRequest() else { break }
            requests.append(request)
            var rest = exchange.reply[...]
            while !rest.isEmpty, dialogue.needsReply {
                let part = rest.prefix(chunk)
                let taken = dialogue.take(part)
                rest = rest.dropFirst(taken)
            }
        }
        return requests
    }

    @Test("the requests are the same however the replies are split", arguments: ProxyCase.successes)
    func chunks(_ example: ProxyCase) throws {
        for chunk in [1, 2, 3, 7, 1000] {
            var dialogue = try dialogue(example)
            let requests = play(example, chunk: chunk, &dialogue)
            #expect(requests == example.exchanges.map(\.request))
            #expect(dialogue.takeRequest() == nil)
            #expect(!dialogue.needsReply)
            #expect(dialogue.failure == nil)
        }
    }

    @Test("bytes after the last reply are not consumed", arguments: ProxyCase.successes)
    func restStays(_ example: ProxyCase) throws {
        var dialogue = try dialogue(example)
        for (index, exchange) in example.exchanges.enumerated() {
            _ = dialogue.takeRequest()
            let isLast = index == example.exchanges.count - 1
            let bytes = exchange.reply + (isLast ? Array("hello".utf8) : [])
            #expect(dialogue.take(bytes) == exchange.reply.count)
        }
        #expect(!dialogue.needsReply)
    }

    @Test("a failure ends the dialogue", arguments: ProxyCase.failures)
    func failures(_ example: ProxyCase) throws {
        for chunk in [1000, 100_000] {
            var dialogue = try dialogue(example)
            _ = play(example, chunk: chunk, &dialogue)
            #expect(dialogue.failure == example.failure)
            #expect(!dialogue.needsReply)
            #expect(dialogue.takeRequest() == nil)
        }
    }

    @Test("EOF before the end of a reply fails with the number of received bytes")
    func end() throws {
        var dialogue = try dialogue(ProxyCase.successes[0])
        _ = dialogue.takeRequest()
        #expect(dialogue.take([5]) == 1)
        #expect(dialogue.needsReply)
        dialogue.end()
        #expect(dialogue.failure == .closed(receivedBytes: 1))
        #expect(!dialogue.needsReply)
    }

    @Test("the failure of a peer that echoes the request does not contain the credentials")
    func echo() throws {
        let proxy = Proxy.httpConnect(Self.endpoint, user: "alice", password: "secret")
        let hops = try proxy.hops(to: .tcp("a", port: 1))
        var dialogue = try hops[0].dialogue(until: Deadline(startingNow: .never))
        let request = dialogue.takeRequest() ?? []
        #expect(String(decoding: request, as: UTF8.self).contains("Basic YWxp"))
        _ = dialogue.take(request)
        guard case .unexpectedReply(let bytes)? = dialogue.failure else {
            Issue.record("\(String(describing: dialogue.failure))")
            return
        }
        #expect(request.starts(with: bytes))
        #expect(!String(decoding: bytes, as: UTF8.self).contains("Basic"))
    }

    @Test("receive leaves the bytes after the reply in the kernel")
    func receive() throws {
        var dialogue = try dialogue(ProxyCase.successes[0])
        let (here, there) = try Socket.pair()
        let reply = ProxyCase.successes[0].exchanges[1].reply
        for bytes in [[5, 0], reply + Array("hello".utf8)] {
            _ = dialogue.takeRequest()
            try there.sendAll(bytes)
            try dialogue.receive(here.descriptor, .dontWait)
        }
        #expect(!dialogue.needsReply && dialogue.failure == nil)
        #expect(try here.receive() == Array("hello".utf8))
    }
}
