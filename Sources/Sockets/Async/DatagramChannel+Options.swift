internal import SystemPackage

extension DatagramChannel: DescriptorOwner {
    /// Reads a socket option, as getsockopt(2) does.
    ///
    /// ```swift
    /// let size = try channel.option(.receiveBufferSize)
    /// ```
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the socket does not have this option.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try get(option)
    }

    /// Sets a socket option, as setsockopt(2) does.
    ///
    /// ```swift
    /// try channel.setOption(.broadcast, to: true)
    /// ```
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the socket does not have this option, or the value is
    ///     not allowed.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func setOption<Value>(
        _ option: SocketOption<Value>, to value: Value
    ) throws(SocketError) {
        try set(option, to: value)
    }

    /// Joins a multicast group (`IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`).
    ///
    /// The channel then receives the datagrams that are sent to the group and to the channel's port.
    ///
    /// ```swift
    /// try channel.joinMulticastGroup(IPAddress(parsing: "239.1.2.3"), interface: "eth0")
    /// ```
    ///
    /// - Parameters:
    ///   - group: The address of the group.
    ///   - interface: The name of the interface, or `nil` for the interface that the routes select.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the interface does not exist, or `group` is not a
    ///     multicast address of the channel's family.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func joinMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try apply(.membership(.join, of: group, interface: interface))
    }

    /// Leaves a multicast group (`IP_DROP_MEMBERSHIP`, `IPV6_LEAVE_GROUP`).
    ///
    /// - Parameters:
    ///   - group: The address of the group.
    ///   - interface: The name of the interface that was passed when joining.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the channel is not a member of the group.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func leaveMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try apply(.membership(.leave, of: group, interface: interface))
    }

    /// Sets the interface for datagrams to multicast groups (`IP_MULTICAST_IF`,
    /// `IPV6_MULTICAST_IF`).
    ///
    /// - Parameter interface: The name of the interface.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the interface does not exist.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func setMulticastInterface(_ interface: String) throws(SocketError) {
        try apply(.sendThrough(interface: interface))
    }

    func call<Result>(
        _ operation: SocketError.Operation, _ subject: String?,
        _ body: (Int32) throws(Errno) -> Result
    ) throws(SocketError) -> Result {
        guard source.enter() else { throw failure(operation, .closed, subject: subject) }
        defer { source.leave() }
        do throws(Errno) {
            return try body(source.descriptor)
        } catch {
            throw failure(operation, .system(error), subject: subject)
        }
    }
}
