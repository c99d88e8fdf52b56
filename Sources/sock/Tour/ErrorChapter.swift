import Sockets

/// The chapter about errors, which provokes one error of each of the four classes.
enum ErrorChapter {
    static func classes(_ printer: TourPrinter) throws {
        try printer.chapter("Client 6", "Four classes of errors")
        try printer.text(
            """
            Python has four classes of errors. Here they are causes of one type, SocketError. Its \
            description says in one line what failed, on what, and why.
            """)

        // A bound port that does not listen refuses connections, and no other program can bind it.
        let bound = try Socket(.ipv4)
        try bound.bind(on: .ipv4(.loopback, port: 0))
        let nowhere = bound.localAddress
        try printer.code("try Socket(.ipv4).connect(to: nowhere)")
        try provoke(printer, "socket.error") {
            try Socket(.ipv4).connect(to: nowhere)
        }

        try printer.code(
            #"try Resolver.resolve(.tcp("www.example.com", port: 80), numericOnly: true)"#)
        try provoke(printer, "socket.gaierror") {
            _ = try Resolver.resolve(.tcp("www.example.com", port: 80), numericOnly: true)
        }

        try printer.code(#"try Resolver.host(named: "127.0.0.1", family: .ipv6)"#)
        try provoke(printer, "socket.herror") {
            _ = try Resolver.host(named: "127.0.0.1", family: .ipv6)
        }

        let (quiet, peer) = try Socket.pair()
        defer { peer.close() }
        try printer.code("try quiet.receive(timeout: .milliseconds(200))")
        try provoke(printer, "socket.timeout") {
            _ = try quiet.receive(timeout: .milliseconds(200))
        }
    }

    private static func provoke(
        _ printer: TourPrinter, _ pythonName: String, _ attempt: () throws -> Void
    ) throws {
        do {
            try attempt()
            throw Failure(.otherFailure, "cannot show a \(pythonName): the call succeeded")
        } catch let error as SocketError {
            try printer.result(error)
            let cause =
                switch error.cause {
                case .system(let errno): "a system error, errno \(errno.rawValue)"
                case .nameResolution: "a failed name resolution"
                case .hostLookup: "a failed host lookup"
                case .timedOut: "a timeout"
                default: "another cause"
                }
            try printer.result("\(cause): Python's \(pythonName)")
        }
    }
}
