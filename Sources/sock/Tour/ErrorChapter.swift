import Sockets

/// The four classes of errors, each of them provoked.
enum ErrorChapter {
    static func classes(_ guide: Guide) throws {
        try guide.chapter("Client 6", "Four ways to fail, told apart")
        try guide.text(
            """
            The tutorial knows four classes of errors. Here they are causes of one type, \
            SocketError, whose description is a line that says what was tried, on what, and why \
            it failed.
            """)

        // The port is bound, so that it is nobody else's, and nobody listens.
        let silent = try Socket(.ipv4)
        try silent.bind(on: .ipv4(.loopback, port: 0))
        let nowhere = silent.localAddress
        try guide.code("try Socket(.ipv4).connect(to: nowhere)")
        try provoke(guide, "socket.error") {
            try Socket(.ipv4).connect(to: nowhere)
        }

        try guide.code(
            #"try Resolver.resolve(.tcp("www.example.com", port: 80), numericOnly: true)"#)
        try provoke(guide, "socket.gaierror") {
            _ = try Resolver.resolve(.tcp("www.example.com", port: 80), numericOnly: true)
        }

        try guide.code(#"try Resolver.host(named: "127.0.0.1", family: .ipv6)"#)
        try provoke(guide, "socket.herror") {
            _ = try Resolver.host(named: "127.0.0.1", family: .ipv6)
        }

        let (quiet, peer) = try Socket.pair()
        defer { peer.close() }
        try guide.code("try quiet.receive(timeout: .milliseconds(200))")
        try provoke(guide, "socket.timeout") {
            _ = try quiet.receive(timeout: .milliseconds(200))
        }
    }

    private static func provoke(
        _ guide: Guide, _ pythonName: String, _ attempt: () throws -> Void
    ) throws {
        do {
            try attempt()
            throw Failure(.otherFailure, "the tour expected a \(pythonName), and there was none")
        } catch let error as SocketError {
            try guide.result("\(error)")
            let cause =
                switch error.cause {
                case .system(let errno): "a system error, errno \(errno.rawValue)"
                case .nameResolution: "a failed name resolution"
                case .hostLookup: "a failed host look-up"
                case .timedOut: "a time-out"
                default: "something else"
                }
            try guide.result("\(cause): Python's \(pythonName)")
        }
    }
}
