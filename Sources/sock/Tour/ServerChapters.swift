import Sockets

/// The tutorial's second part: being called.
enum ServerChapters {
    static func binding(_ guide: Guide) throws {
        try guide.chapter("Server 1–2", "Reuse, bind, listen")
        try guide.text(
            """
            A server binds the port that it wants to be called on. SO_REUSEADDR lets it come back \
            at once after a restart, while old connections fade away. The backlog is how many \
            callers may wait. Binding .any would open every interface; the tour stays on loopback.
            """)
        try guide.code(
            """
            let server = try Socket(.ipv4)
            try server.setOption(.reuseAddress, to: true)
            try server.bind(on: .ipv4(.loopback, port: 0))
            try server.listen(backlog: 5)
            """)
        let server = try Socket(.ipv4)
        try server.setOption(.reuseAddress, to: true)
        try server.bind(on: .ipv4(.loopback, port: 0))
        try server.listen(backlog: 5)
        try guide.result("listening on \(server.localAddress): port 0 asked for any free one")
        try guide.text("All of it in one line, with as long a queue as the kernel allows:")
        try guide.code(#"let service = try Socket(on: .tcp("127.0.0.1", port: 0))"#)
        let service = try Socket(on: .tcp("127.0.0.1", port: 0))
        try guide.result("listening on \(service.localAddress)")
    }

    static func accepting(_ guide: Guide) throws {
        try guide.chapter("Server 3", "The accept loop")
        try guide.text(
            """
            accept waits, without using the processor, until somebody calls, and returns a new \
            socket for that caller alone. The listening socket goes on listening. Three callers \
            are on their way:
            """)
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let port = server.localAddress.port ?? 0
        Worker.start {
            for _ in 1...3 { _ = try? Socket(to: .tcp("127.0.0.1", port: Port(port))) }
        }
        try guide.code(
            """
            for _ in 1...3 {
                let caller = try server.accept(timeout: .seconds(2))
                callers.append(caller.remoteAddress)
                caller.close()
            }
            """)
        var callers: [SocketAddress] = []
        try guide.result("Waiting for connections...")
        for _ in 1...3 {
            let caller = try server.accept(timeout: .seconds(2))
            callers.append(caller.remoteAddress)
            caller.close()
        }
        for caller in callers { try guide.result("Got connection from \(caller)") }
    }

    static func datagrams(_ guide: Guide) throws {
        try guide.chapter("Server 4", "A UDP server: no listen, no accept")
        try guide.text(
            """
            There are no connections, so there is nothing to accept. receiveFrom returns the data \
            and who sent it, and the answer goes back to that address.
            """)
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let client = try Socket(to: server.localAddress, type: .datagram)
        try client.send("ping")
        try guide.code(
            """
            let datagram = try server.receiveFrom(timeout: .seconds(1))
            try server.send("pong", to: datagram.sender)
            """)
        let datagram = try server.receiveFrom(timeout: .seconds(1))
        try server.send("pong", to: datagram.sender)
        try guide.result("\"\(datagram.text)\" came from \(datagram.sender)")
        let reply = try client.receive(timeout: .seconds(1))
        try guide.result("the client received \"\(String(decoding: reply, as: UTF8.self))\"")
    }
}
