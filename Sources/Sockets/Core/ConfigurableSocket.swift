internal import SystemPackage

/// A socket with options and a descriptor: ``Socket``, ``SocketStream``, ``Connection``,
/// ``PacketConnection``, ``Listener`` and ``DatagramChannel``.
///
/// Only the types of this library conform to it.
public protocol ConfigurableSocket {
    /// The access to the descriptor, for the library's own use.
    var _access: _DescriptorAccess { get }
}

/// The access to a socket's descriptor, for the library's own use.
public struct _DescriptorAccess {
    let owner: any DescriptorOwner
}

extension ConfigurableSocket {
    /// Reads an option: getsockopt(2).
    ///
    /// ```swift
    /// let size = try socket.option(.receiveBufferSize)
    /// ```
    ///
    /// - Parameter option: The option to read.
    /// - Returns: The option's value.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `protocolNotAvailable` or `notSupportedOnSocket`
    ///     if the socket does not have the option.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is a sharded ``Listener``, which
    ///     has a socket for each loop.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        let owner = _access.owner
        return try owner.call(.getOption, option.name) { descriptor throws(Errno) in
            guard let takenError = option.takenError, let connectionError = owner.connectionError
            else { return try option.get(descriptor, owner.family) }
            connectionError.beginTaking()
            defer { connectionError.endTaking() }
            let value = try option.get(descriptor, owner.family)
            if let error = takenError(value) { connectionError.note(error) }
            return value
        }
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
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `protocolNotAvailable` or `notSupportedOnSocket`
    ///     if the socket does not have the option or the option is read-only.
    ///   - ``SocketError/Cause/system(_:)`` with another error, for example `invalidArgument` or
    ///     `notPermitted`, if the kernel rejects the value.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is a sharded ``Listener``, which
    ///     has a socket for each loop. Use ``ListenOptions/socketOptions`` instead.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func setOption<Value>(
        _ option: SocketOption<Value>, to value: Value
    ) throws(SocketError) {
        let owner = _access.owner
        do throws(SocketError) {
            try owner.call(.setOption, option.name) { descriptor throws(Errno) in
                try option.set(descriptor, owner.family, value)
            }
        } catch {
            throw SocketOptionSetting.set(option, to: value).explained(error)
        }
        if option.isRaw { owner.didSetRawOption() }
        if option.mayLinger { owner.didSetLinger() }
    }
}

/// A socket that can join multicast groups: ``Socket`` and ``DatagramChannel``.
///
/// Only the types of this library conform to it.
public protocol MulticastSocket: ConfigurableSocket {}

extension MulticastSocket {
    /// Joins a multicast group: `IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`.
    ///
    /// The socket then receives the datagrams that are sent to the group and to the socket's port.
    /// Bind the group's port first.
    ///
    /// ```swift
    /// try channel.joinMulticastGroup(IPAddress("239.1.2.3")!, interface: "eth0")
    /// ```
    ///
    /// - Parameters:
    ///   - group: The address of the group.
    ///   - interface: The interface to receive on, or `nil` for the interface that the routes
    ///     select.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `invalidArgument` if the address is not a
    ///     multicast address of the socket's family.
    ///   - ``SocketError/Cause/system(_:)`` with `addressInUse` if the socket has already joined.
    ///   - ``SocketError/Cause/system(_:)`` with `operationNotSupportedByDevice` if the interface
    ///     does not exist.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
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
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/system(_:)`` with `addressNotAvailable` if the socket has not
    ///     joined.
    ///   - The errors of ``joinMulticastGroup(_:interface:)``.
    public func leaveMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try apply(.membership(.leave, of: group, interface: interface))
    }

    /// Sets the interface for datagrams to multicast groups: `IP_MULTICAST_IF`,
    /// `IPV6_MULTICAST_IF`.
    ///
    /// - Parameter interface: The name of the interface.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `operationNotSupportedByDevice` if the interface
    ///     does not exist.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func setMulticastInterface(_ interface: String) throws(SocketError) {
        try apply(.sendThrough(interface: interface))
    }

    private func apply(_ change: MulticastMembership) throws(SocketError) {
        let owner = _access.owner
        try owner.call(.setOption, change.subject) { descriptor throws(Errno) in
            try change.apply(to: descriptor, owner.family)
        }
    }
}
