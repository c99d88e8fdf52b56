import Sockets

/// The route to a remote address, which shows whether this machine or the network causes a problem.
struct Route {
    /// The error with which the kernel refuses to send to the address; nil if there is a route.
    let failure: Errno?
    /// A Boolean value that indicates whether the address is a broadcast address.
    let isBroadcast: Bool

    /// Looks up the route by connecting a datagram socket, which sends nothing.
    init(to remote: SocketAddress) {
        let plain = Self.failure(to: remote, [])
        failure =
            plain == .permissionDenied
            ? Self.failure(to: remote, [.set(.broadcast, to: true)]) : plain
        isBroadcast = plain != failure
    }

    /// Returns the error of connecting from the highest free port.
    ///
    /// If the kernel chose the port, connecting would fail while all ports of the kernel's range
    /// are in use, even if there is a route. That range usually ends below the highest ports.
    private static func failure(
        to remote: SocketAddress, _ options: [SocketOptionSetting]
    ) -> Errno? {
        for port in (1024...UInt16.max).reversed() {
            let local = SocketAddress(.v6(.any), port: port)
            do throws(SocketError) {
                _ = try Socket(
                    to: remote, type: .datagram,
                    options: .init(localAddress: local, socketOptions: options))
                return nil
            } catch {
                guard error.operation == .bind, error.errno == .addressInUse else {
                    return error.errno
                }
            }
        }
        return nil
    }
}
