import Sockets

/// The servers for the tour's clients, which run in this process on loopback, on ports that the
/// kernel chose.
struct TourServers {
    private let server: ServerTask
    /// The port of the daytime service on TCP and UDP.
    let daytime: UInt16
    /// The port of the echo service.
    let echo: UInt16

    static func start() throws -> TourServers {
        let (daytime, daytimePort) = try open()
        let (echo, echoPort) = try open()
        let server = ServerTask()
        Worker.start {
            try? server.run(loops: 1) { loops in
                async let first: Void = serve(.daytime, daytime, on: loops)
                async let second: Void = serve(.echo, echo, on: loops)
                _ = try await (first, second)
            }
        }
        return TourServers(server: server, daytime: daytimePort, echo: echoPort)
    }

    func stop() {
        server.stop()
        server.waitUntilEnd()
    }

    private static func open() throws -> (sockets: [ServiceSockets], port: UInt16) {
        let sockets = try ServiceSockets.open(host: "127.0.0.1", port: 0, family: .ipv4)
        return (sockets, sockets.first?.listener.localAddress.port ?? 0)
    }

    private static func serve(
        _ service: ClassicService, _ sockets: [ServiceSockets], on loops: LoopGroup
    ) async throws {
        try await ServiceServer(service, sockets, on: loops, isVerbose: false).run()
    }
}
