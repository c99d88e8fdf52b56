import Sockets

/// Servers that the tour's clients talk to: in this process, on the loopback interface, on ports
/// that the kernel chose.
struct TourStage {
    private let hosts: [ServiceHost]
    /// Where the daytime service lives, with TCP and with UDP.
    let daytime: UInt16
    /// Where the echo service lives.
    let echo: UInt16

    static func open() throws -> TourStage {
        let (daytime, daytimePort) = try serve(.daytime)
        let (echo, echoPort) = try serve(.echo)
        return TourStage(hosts: [daytime, echo], daytime: daytimePort, echo: echoPort)
    }

    func close() {
        for host in hosts { host.stop() }
    }

    private static func serve(_ service: ClassicService) throws -> (ServiceHost, UInt16) {
        let sockets = try ServiceSockets.open(host: "127.0.0.1", port: 0, family: .ipv4)
        let host = ServiceHost(service, sockets, isVerbose: false)
        Worker.start { try? host.run(threads: 1) }
        return (host, sockets.first?.listener.localAddress.port ?? 0)
    }
}
