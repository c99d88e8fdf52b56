internal import SystemPackage

// Connecting through proxies. `Socket+Proxies` is the blocking counterpart.
extension Connection {
    /// Creates a connection to the first proxy, and lets each proxy connect to its destination.
    ///
    /// - Parameters:
    ///   - hops: The steps, at least one.
    ///   - options: The options for the connection to the first proxy.
    ///   - deadline: The time limit for all steps together.
    ///   - loop: The loop of the connection.
    /// - Throws: An error whose ``SocketError/proxyStep`` names the proxy that failed. The caller
    ///   adds the endpoint to the error.
    convenience init(
        through hops: [ProxyHop], _ options: ConnectOptions, _ deadline: inout Deadline,
        on loop: EventLoop
    ) async throws(SocketError) {
        let proxy = hops[0].server
        // Find invalid input before the first packet is sent.
        let dialogues = try await Lookup.dialogues(for: hops, until: deadline, on: loop)
        do throws(SocketError) {
            let addresses = try await Lookup.addresses(
                of: proxy.endpoint, options.family, until: deadline, on: loop)
            try await self.init(toOneOf: addresses, options, deadline, on: loop)
        } catch {
            throw error.reaching("\(proxy)")
        }
        for dialogue in dialogues { try await complete(dialogue, &deadline) }
    }

    /// Completes the dialogue with a proxy.
    ///
    /// The method claims no direction, because no other task has the connection yet.
    private func complete(
        _ dialogue: ProxyDialogue, _ deadline: inout Deadline
    ) async throws(SocketError) {
        var dialogue = dialogue
        do throws(WaitFailure) {
            while let request = dialogue.takeRequest() {
                var sent = 0
                try await send(request.span.bytes, &deadline, &sent)
                while dialogue.needsReply {
                    try deadline.beginStep()
                    try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                        try dialogue.receive(descriptor, .dontWait)
                        // The bytes after the reply trigger no new event, so mark the connection as
                        // readable.
                        source.reading.word.setReady()
                    }
                }
            }
            if let failure = dialogue.failure { throw WaitFailure(.proxy(failure)) }
        } catch {
            throw dialogue.hop.failure(error.cause)
        }
    }
}

extension Lookup {
    /// Prepares the dialogues with proxies, and suspends the task during a lookup.
    fileprivate static func dialogues(
        for hops: [ProxyHop], until deadline: Deadline, on loop: EventLoop
    ) async throws(SocketError) -> [ProxyDialogue] {
        guard hops.contains(where: \.mayBlock) else { return try hops.dialogues(until: deadline) }
        let threads = hops.contains(where: \.mayNeedNameServer) ? LookupThreads.shared : .services
        return try await answer(until: deadline, using: threads, on: loop) {
            () throws(SocketError) in
            try hops.dialogues(until: Deadline(startingNow: .never))
        }
    }
}
