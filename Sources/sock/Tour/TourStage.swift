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
        let (daytime, daytimePort) = try host(.daytime)
        let (echo, echoPort) = try host(.echo)
        let server = ServerTask()
        Worker.start {
            try? server.run(loops: 1) { loops in
                async let first: Void = daytime.run(on: loops)
                async let second: Void = echo.run(on: loops)
                _ = try await (first, second)
            }
        }
        return TourStage(server: server, daytime: daytimePort, echo: echoPort)
    }

    func close() {
        server.stop()
        server.awaitEnd()
    }

    private static func host(_ service: ClassicService) throws -> (ServiceHost, UInt16) {
        let sockets = try ServiceSockets.open(host: "127.0.0.1", port: 0, family: .ipv4)
        let host = ServiceHost(service, sockets, isVerbose: false)
        return (host, sockets.first?.listener.localAddress.port ?? 0)
    }
}
