internal import SystemPackage

// Connecting through proxies. `Connection+Proxies` is the async counterpart.
extension Socket {
    /// Creates a socket that is connected to the first proxy, and lets each proxy connect to its
    /// destination.
    ///
    /// - Parameters:
    ///   - hops: The steps, at least one.
    ///   - options: The options for the connection to the first proxy.
    ///   - deadline: The time limit for all steps together.
    /// - Throws: An error whose ``SocketError/proxyStep`` names the proxy that failed. The caller
    ///   adds the endpoint to the error.
    convenience init(
        through hops: [ProxyHop], _ options: ConnectOptions, _ deadline: Deadline
    ) throws(SocketError) {
        let proxy = hops[0].server
        // Find invalid input before the first packet is sent.
        let dialogues = try hops.dialogues(until: deadline)
        do throws(SocketError) {
            let addresses = try Resolver.resolve(
                proxy.endpoint, family: options.family, deadline: deadline)
            try self.init(toOneOf: addresses, .stream, options, deadline)
        } catch {
            throw error.reaching("\(proxy)")
        }
        for dialogue in dialogues { try complete(dialogue, deadline) }
    }

    /// Completes the dialogue with a proxy.
    private func complete(
        _ dialogue: ProxyDialogue, _ deadline: Deadline
    ) throws(SocketError) {
        var dialogue = dialogue
        do throws(SocketError) {
            while let request = dialogue.takeRequest() {
                try request.span.bytes.withUnsafeBytes { bytes throws(SocketError) in
                    var rest = bytes[...]
                    while !rest.isEmpty {
                        let count = try send(
                            UnsafeRawBufferPointer(rebasing: rest), deadline, isFirst: false)
                        rest = rest.dropFirst(count)
                    }
                }
                while dialogue.needsReply {
                    try perform(.connect, .receiving, .inKernel, deadline, isFirst: false) {
                        descriptor, flags throws(Errno) in
                        try dialogue.receive(descriptor, flags)
                    }
                }
            }
        } catch {
            throw dialogue.hop.failure(error.cause)
        }
        if let failure = dialogue.failure { throw dialogue.hop.failure(.proxy(failure)) }
    }
}
