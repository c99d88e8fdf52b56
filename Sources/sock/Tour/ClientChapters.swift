import Sockets

/// The tutorial's first part: calling a server. Each chapter shows the lines that it runs.
enum ClientChapters {
    static func descriptors(_ guide: Guide) throws {
        try guide.chapter("Client 1", "A socket is a file that leads to another program")
        try guide.text(
            """
            The operating system hands out a descriptor, as it does for a file. What is sent into \
            one socket is received from the one it is connected to, which may be in the same \
            process, as here, or on the other side of the world.
            """)
        try guide.code(
            """
            let (here, there) = try Socket.pair()
            try here.sendAll("hello, world")
            let greeting = try there.receive()
            """)
        let (here, there) = try Socket.pair()
        try here.sendAll("hello, world")
        let greeting = try there.receive()
        try guide.result("there received \(greeting.count) bytes: \(text(greeting))")
    }

    static func families(_ guide: Guide) throws {
        try guide.chapter("Client 2", "A family says how to address, a kind how to talk")
        try guide.text(
            """
            IPv4, IPv6 and Unix are families of addresses. A stream (TCP) is like a telephone call: \
            bytes arrive complete and in order. Datagrams (UDP) are like postcards: single, and \
            sometimes lost.
            """)
        try guide.code(
            """
            let call = try Socket(.ipv4, .stream)
            let postcard = try Socket(.ipv4, .datagram)
            """)
        let call = try Socket(.ipv4, .stream)
        let postcard = try Socket(.ipv4, .datagram)
        try guide.result("\(call.family) \(call.type), and \(postcard.family) \(postcard.type)")
        try guide.result("no address yet, which is written \(call.localAddress)")
    }

    static func names(_ guide: Guide, _ stage: TourStage) throws {
        try guide.chapter("Client 3", "Names become addresses, services become ports")
        try guide.text(
            """
            Connecting takes a host's name and a port. The name is resolved on the way, and all of \
            its addresses are raced. A port that is known by the name of its service is looked up \
            in /etc/services, as getservbyname does.
            """)
        try guide.code(#"let port = try Services.port(named: "daytime", transport: .tcp)"#)
        do {
            let port = try Services.port(named: "daytime", transport: .tcp)
            try guide.result("daytime/tcp = \(port)")
        } catch let error as SocketError {
            // Small machines come without the file, and the tour goes on.
            try guide.result("\(error)")
        }
        try guide.code(#"let addresses = try Resolver.resolve(host: "localhost").addresses"#)
        var host = "localhost"
        do {
            let addresses = try Resolver.resolve(host: "localhost").addresses
            let shown = addresses.compactMap { $0.ip.map { "\($0)" } }.joined(separator: " and ")
            try guide.result("localhost is \(shown)")
        } catch let error as SocketError {
            host = "127.0.0.1"
            try guide.result("\(error); the tour goes on with \(host)")
        }

        let clock = Port(stage.daytime)
        try guide.text(
            """
            The tour has started a daytime server of its own, on port \(clock). What does it say?
            """)
        try guide.code(
            """
            let server = try Socket(to: .tcp(host, port: clock))
            let time = try server.receive()
            """)
        let server = try Socket(to: .tcp(host, port: clock))
        let time = try server.receive()
        try guide.result("it is \(text(time))")
    }

    static func addresses(_ guide: Guide, _ stage: TourStage) throws {
        try guide.chapter("Client 4", "Both ends of a connection have an address")
        try guide.text(
            """
            The client's own port was chosen by the kernel. Together the two addresses tell this \
            connection from every other one. The command that reports each step of connecting is \
            sock info.
            """)
        let clock = Port(stage.daytime)
        let server = try Socket(to: .tcp("127.0.0.1", port: clock))
        try guide.code(
            """
            let here = server.localAddress
            let there = server.remoteAddress
            """)
        let here = server.localAddress
        let there = server.remoteAddress
        try guide.result("connected from \(here) to \(there)")
    }

    static func streams(_ guide: Guide, _ stage: TourStage) throws {
        try guide.chapter("Client 5", "Two ways to talk: pieces, or a file")
        try guide.text(
            """
            send and receive move whatever the kernel takes or has. A SocketStream puts a buffer \
            between, and then a connection is read line by line, like a file. This is an echo \
            server that answers:
            """)
        try guide.code(
            """
            let stream = try SocketStream(to: .tcp("127.0.0.1", port: echo))
            try stream.write("to be\\nor not to be\\n")
            try stream.flush()
            try stream.socket.shutdown(.write)
            while let line = try stream.readLine() { lines.append(line) }
            """)
        let echo = Port(stage.echo)
        var lines: [String] = []
        let stream = try SocketStream(to: .tcp("127.0.0.1", port: echo))
        try stream.write("to be\nor not to be\n")
        try stream.flush()
        try stream.socket.shutdown(.write)
        while let line = try stream.readLine() { lines.append(line) }
        for line in lines { try guide.result(line) }
        try guide.result("end of stream: the server has hung up, because we did")
    }

    static func datagrams(_ guide: Guide, _ stage: TourStage) throws {
        try guide.chapter("Client 7", "UDP: nobody says goodbye")
        try guide.text(
            """
            A datagram asks, a datagram answers. But there is no end of stream, and no way to know \
            that the server has finished or that it ever was there. So a UDP client needs a time \
            limit.
            """)
        let clock = Port(stage.daytime)
        try guide.code(
            """
            let service = try Socket(to: .udp("127.0.0.1", port: clock))
            try service.send("What time is it?")
            let answer = try service.receive(timeout: .seconds(1))
            let more = try service.receive(timeout: .milliseconds(300))
            """)
        let service = try Socket(to: .udp("127.0.0.1", port: clock))
        try service.send("What time is it?")
        let answer = try service.receive(timeout: .seconds(1))
        try guide.result("answer: \(text(answer))")
        do {
            let more = try service.receive(timeout: .milliseconds(300))
            try guide.result("and more: \(text(more))")
        } catch let error as SocketError where error.isTimeout {
            try guide.result("and more? \(error)")
        }
    }

    /// Bytes as text, without the end of the line.
    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 13 && $0 != 10 }, as: UTF8.self)
    }
}
