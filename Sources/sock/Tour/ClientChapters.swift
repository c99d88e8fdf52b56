import Sockets

/// The first part of the tutorial, about clients.
///
/// Each chapter prints the lines of code that it runs.
enum ClientChapters {
    static func descriptors(_ printer: TourPrinter) throws {
        try printer.chapter("Client 1", "A socket is like a file that leads to another program")
        try printer.text(
            """
            The operating system returns a descriptor, as it does for a file. What one socket \
            sends, the connected socket receives. Here both sockets are in the same process, but \
            the other socket could be on the other side of the world.
            """)
        try printer.code(
            """
            let (here, there) = try Socket.pair()
            try here.sendAll("hello, world")
            let greeting = try there.receive()
            """)
        let (here, there) = try Socket.pair()
        try here.sendAll("hello, world")
        let greeting = try there.receive()
        try printer.result("the other socket received \(greeting.count) bytes: \(text(greeting))")
    }

    static func families(_ printer: TourPrinter) throws {
        try printer.chapter(
            "Client 2", "The family sets the kind of address, the type sets how data travels")
        try printer.text(
            """
            IPv4, IPv6 and Unix are families of addresses. A stream (TCP) delivers all bytes in \
            order. Datagrams (UDP) are single messages, some of which may be lost.
            """)
        try printer.code(
            """
            let stream = try Socket(.ipv4, .stream)
            let datagram = try Socket(.ipv4, .datagram)
            """)
        let stream = try Socket(.ipv4, .stream)
        let datagram = try Socket(.ipv4, .datagram)
        try printer.result(
            "\(stream.family) \(stream.type), and \(datagram.family) \(datagram.type)")
        try printer.result("a socket without an address is shown as \(stream.localAddress)")
    }

    static func names(_ printer: TourPrinter, _ servers: TourServers) throws {
        try printer.chapter("Client 3", "Names become addresses, services become ports")
        try printer.text(
            """
            Connecting needs a host name and a port. It resolves the name and tries its addresses \
            concurrently. A service name is looked up in /etc/services, as getservbyname does.
            """)
        try printer.code(#"let port = try Services.port(named: "daytime", transport: .tcp)"#)
        do {
            let port = try Services.port(named: "daytime", transport: .tcp)
            try printer.result("daytime/tcp = \(port)")
        } catch let error as SocketError {
            // Minimal systems lack /etc/services, so print the error and continue.
            try printer.result(error)
        }
        try printer.code(#"let addresses = try Resolver.resolve(host: "localhost").addresses"#)
        var host = "localhost"
        do {
            let addresses = try Resolver.resolve(host: "localhost").addresses
            let shown = addresses.compactMap { $0.ip.map { "\($0)" } }.joined(separator: " and ")
            try printer.result("localhost is \(shown)")
        } catch let error as SocketError {
            host = "127.0.0.1"
            try printer.result("\(error.firstLine); the tour continues with \(host)")
        }

        let clock = Port(servers.daytime)
        try printer.text(
            """
            The tour has started its own daytime server on port \(clock). It sends the time:
            """)
        try printer.code(
            """
            let server = try Socket(to: .tcp(host, port: clock))
            let time = try server.receive()
            """)
        let server = try Socket(to: .tcp(host, port: clock))
        let time = try server.receive()
        try printer.result("the time is \(text(time))")
    }

    static func addresses(_ printer: TourPrinter, _ servers: TourServers) throws {
        try printer.chapter("Client 4", "Both ends of a connection have an address")
        try printer.text(
            """
            The kernel chose the client's port. The two addresses together identify the connection. \
            The command sock info reports each step of connecting.
            """)
        let clock = Port(servers.daytime)
        let server = try Socket(to: .tcp("127.0.0.1", port: clock))
        try printer.code(
            """
            let here = server.localAddress
            let there = server.remoteAddress
            """)
        let here = server.localAddress
        let there = server.remoteAddress
        try printer.result("connected from \(here) to \(there)")
    }

    static func streams(_ printer: TourPrinter, _ servers: TourServers) throws {
        try printer.chapter("Client 5", "Two ways to transfer data: calls, or a file-like object")
        try printer.text(
            """
            send transfers what the kernel accepts, and receive what has arrived. A SocketStream \
            adds a buffer, so a program can read a connection line by line, like a file. An echo \
            server replies:
            """)
        try printer.code(
            """
            let stream = try SocketStream(to: .tcp("127.0.0.1", port: echo))
            try stream.write("to be\\nor not to be\\n")
            try stream.flush()
            try stream.socket.shutdown(.write)
            while let line = try stream.readLine() { lines.append(line) }
            """)
        let echo = Port(servers.echo)
        var lines: [String] = []
        let stream = try SocketStream(to: .tcp("127.0.0.1", port: echo))
        try stream.write("to be\nor not to be\n")
        try stream.flush()
        try stream.socket.shutdown(.write)
        while let line = try stream.readLine() { lines.append(line) }
        for line in lines { try printer.result(line) }
        try printer.result("end of stream: the server closed the connection after our half-close")
    }

    static func datagrams(_ printer: TourPrinter, _ servers: TourServers) throws {
        try printer.chapter("Client 7", "UDP has no end of stream")
        try printer.text(
            """
            One datagram carries the request and one the reply. A client cannot know whether the \
            server has finished, or whether it exists. So a UDP client needs a timeout.
            """)
        let clock = Port(servers.daytime)
        try printer.code(
            """
            let service = try Socket(to: .udp("127.0.0.1", port: clock))
            try service.send("What time is it?")
            let reply = try service.receive(timeout: .seconds(1))
            let more = try service.receive(timeout: .milliseconds(300))
            """)
        let service = try Socket(to: .udp("127.0.0.1", port: clock))
        try service.send("What time is it?")
        let reply = try service.receive(timeout: .seconds(1))
        try printer.result("reply: \(text(reply))")
        do {
            let more = try service.receive(timeout: .milliseconds(300))
            try printer.result("another reply: \(text(more))")
        } catch let error as SocketError where error.isTimeout {
            try printer.result(error)
        }
    }

    /// Returns the first line of the bytes as text.
    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 13 && $0 != 10 }, as: UTF8.self)
    }
}
