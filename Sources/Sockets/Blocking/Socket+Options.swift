internal import SystemPackage

extension Socket: DescriptorOwner {
    /// Reads an option: getsockopt(2).
    ///
    /// ```swift
    /// let size = try socket.option(.receiveBufferSize)
    /// ```
    ///
    /// - Parameter option: The option to read.
    /// - Returns: The option's value.
    /// - Throws: ``SocketError/Cause/system(_:)`` with `protocolNotAvailable` if the socket does not
    ///   have the option; ``SocketError/Cause/closed``.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try get(option)
    }

    /// Sets an option: setsockopt(2).
    ///
    /// ```swift
    /// try socket.setOption(.keepAlive, to: true)
    /// ```
    ///
    /// - Parameters:
    ///   - option: The option to set.
    ///   - value: The option's new value.
    /// - Throws: ``SocketError/Cause/system(_:)`` with `protocolNotAvailable` if the socket does not
    ///   have the option, with `invalidArgument` or with `permissionDenied`;
    ///   ``SocketError/Cause/closed``.
    public func setOption<Value>(
        _ option: SocketOption<Value>, to value: Value
    ) throws(SocketError) {
        try set(option, to: value)
        if option.isRaw { forgetKernelTimeouts() }
    }

    /// Joins a multicast group: `IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`.
    ///
    /// Bind the group's port first.
    ///
    /// - Parameters:
    ///   - group: The address of the group.
    ///   - interface: The interface to receive on, or `nil` for the interface that the routes
    ///     select.
    /// - Throws: ``SocketError/Cause/system(_:)`` with `invalidArgument` if the address is not a
    ///   multicast address, with `addressInUse` if the socket has already joined, or with
    ///   `operationNotSupportedByDevice` if the interface does not exist;
    ///   ``SocketError/Cause/closed``.
    public func joinMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try apply(.membership(.join, of: group, interface: interface))
    }

    /// Leaves a multicast group: `IP_DROP_MEMBERSHIP`, `IPV6_LEAVE_GROUP`.
    ///
    /// - Parameters:
    ///   - group: The address of the group.
    ///   - interface: The interface on which the socket joined.
    /// - Throws: ``SocketError/Cause/system(_:)`` with `addressNotAvailable` if the socket has not
    ///   joined; the errors of ``joinMulticastGroup(_:interface:)``.
    public func leaveMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try apply(.membership(.leave, of: group, interface: interface))
    }

    /// Sends to multicast groups through an interface: `IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`.
    ///
    /// - Parameter interface: The name of the interface.
    /// - Throws: ``SocketError/Cause/system(_:)`` with `operationNotSupportedByDevice` if the
    ///   interface does not exist; ``SocketError/Cause/closed``.
    public func setMulticastInterface(_ interface: String) throws(SocketError) {
        try apply(.sendThrough(interface: interface))
    }
}
