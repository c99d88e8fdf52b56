import Sockets

/// Servers that the tour's clients talk to: in this process, on the loopback interface, on ports
/// that the kernel chose.
struct TourStage {
    private let server: ServerTask
    /// Where the daytime service lives, with TCP and with UDP.
    let daytime: UInt16
    /// Where the echo service lives.
    let echo: UInt16

    static func open() throws -> TourStage {
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
        return TourStage(server: server, daytime: daytimePort, echo: echoPort)
    }

    func close() {
        server.stop()
        server.awaitEnd()
    }

    private static func open() throws -> (sockets: [ServiceSockets], port: UInt16) {
        let sockets = try ServiceSockets.open(host: "127.0.0.1", port: 0, family: .ipv4)
        return (sockets, sockets.first?.listener.localAddress.port ?? 0)
    }

    private static func serve(
        _ service: ClassicService, _ sockets: [ServiceSockets], on loops: LoopGroup
    ) async throws {
        try await ServiceHost(service, sockets, on: loops, isVerbose: false).run()
    }
}
