import Sockets

/// The second part of the tutorial, about servers.
enum ServerChapters {
    static func binding(_ printer: TourPrinter) throws {
        try printer.chapter("Server 1–2", "Reuse, bind, listen")
        try printer.text(
            """
            A server binds its port. SO_REUSEADDR lets it bind again right after a restart, while \
            the kernel still keeps old connections. The backlog limits the clients that may wait to \
            be accepted. Binding .any would listen on every interface; the tour uses loopback.
            """)
        try printer.code(
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
        try printer.result("listening on \(server.localAddress), because port 0 picks a free port")
        try printer.text("The same in one line, with the longest backlog that the kernel allows:")
        try printer.code(#"let service = try Socket(on: .tcp("127.0.0.1", port: 0))"#)
        let service = try Socket(on: .tcp("127.0.0.1", port: 0))
        try printer.result("listening on \(service.localAddress)")
    }

    static func accepting(_ printer: TourPrinter) throws {
        try printer.chapter("Server 3", "The accept loop")
        try printer.text(
            """
            accept waits for a client, without using the processor, and returns a new socket for \
            that client. The listening socket continues to listen. Three clients connect:
            """)
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let port = server.localAddress.port ?? 0
        Worker.start {
            for _ in 1...3 { _ = try? Socket(to: .tcp("127.0.0.1", port: Port(port))) }
        }
        try printer.code(
            """
            for _ in 1...3 {
                let client = try server.accept(timeout: .seconds(2))
                clients.append(client.remoteAddress)
                client.close()
            }
            """)
        var clients: [SocketAddress] = []
        try printer.result("Waiting for connections...")
        for _ in 1...3 {
            let client = try server.accept(timeout: .seconds(2))
            clients.append(client.remoteAddress)
            client.close()
        }
        for client in clients { try printer.result("Got connection from \(client)") }
    }

    static func datagrams(_ printer: TourPrinter) throws {
        try printer.chapter("Server 4", "A UDP server: no listen, no accept")
        try printer.text(
            """
            There are no connections, so there is nothing to accept. receiveFrom returns the data \
            and its sender, and the reply goes to that address.
            """)
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let client = try Socket(to: server.localAddress, type: .datagram)
        try client.send("ping")
        try printer.code(
            """
            let datagram = try server.receiveFrom(timeout: .seconds(1))
            try server.send("pong", to: datagram.sender)
            """)
        let datagram = try server.receiveFrom(timeout: .seconds(1))
        try server.send("pong", to: datagram.sender)
        try printer.result("\"\(datagram.text)\" arrived from \(datagram.sender)")
        let reply = try client.receive(timeout: .seconds(1))
        try printer.result("the client received \"\(String(decoding: reply, as: UTF8.self))\"")
    }
}
