internal import SystemPackage

extension Socket {
    /// Reads an option: getsockopt(2).
    ///
    /// - Throws: `.system(.protocolNotAvailable)` if this kind of socket does not have it;
    ///   `.closed`.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        do throws(SocketError) {
            return try call(.getOption) { descriptor throws(Errno) in
                try option.get(descriptor, family)
            }
        } catch {
            throw failure(error.operation, error.cause, subject: option.name)
        }
    }

    /// Sets an option: setsockopt(2).
    ///
    /// - Throws: `.system`: `.protocolNotAvailable` if this kind of socket does not have it,
    ///   `.invalidArgument`, `.permissionDenied`; `.closed`.
    public func setOption<Value>(
        _ option: SocketOption<Value>, to value: Value
    ) throws(SocketError) {
        do throws(SocketError) {
            try call(.setOption) { descriptor throws(Errno) in
                try option.set(descriptor, family, value)
            }
        } catch {
            throw failure(error.operation, error.cause, subject: option.name)
        }
        if option.isRaw { forgetKernelTimeouts() }
    }

    /// Sets several options, in order.
    func set(_ settings: [SocketOptionSetting]) throws(SocketError) {
        for setting in settings {
            do throws(SocketError) {
                try call(.setOption) { descriptor throws(Errno) in
                    try setting.apply(descriptor, family)
                }
            } catch {
                throw failure(error.operation, error.cause, subject: setting.name)
            }
            if setting.isRaw { forgetKernelTimeouts() }
        }
    }

    /// Receives what is sent to a group, on one interface or where the routes point.
    ///
    /// `IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`. Bind the group's port first.
    ///
    /// - Throws: `.system`: `.invalidArgument` (no multicast address), `.addressInUse` (joined
    ///   already), `.operationNotSupportedByDevice` (no such interface); `.closed`.
    public func joinMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try change(.membership(.join, of: group, interface: interface))
    }

    /// Receives no longer what is sent to a group: `IP_DROP_MEMBERSHIP`, `IPV6_LEAVE_GROUP`.
    ///
    /// - Throws: `.system(.addressNotAvailable)` if it was not joined; as `joinMulticastGroup`.
    public func leaveMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try change(.membership(.leave, of: group, interface: interface))
    }

    /// Sends to groups through this interface: `IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`.
    ///
    /// - Throws: `.system(.operationNotSupportedByDevice)` if there is no such interface;
    ///   `.closed`.
    public func setMulticastInterface(_ interface: String) throws(SocketError) {
        try change(.sendThrough(interface: interface))
    }

    private func change(_ change: MulticastMembership) throws(SocketError) {
        do throws(SocketError) {
            try call(.setOption) { descriptor throws(Errno) in
                try change.apply(to: descriptor, family)
            }
        } catch {
            throw failure(error.operation, error.cause, subject: change.subject)
        }
    }
}
