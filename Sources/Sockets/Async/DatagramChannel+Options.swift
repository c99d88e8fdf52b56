internal import SystemPackage

// What can be changed about a channel, and asked of it.
extension DatagramChannel {
    /// Reads an option: getsockopt(2).
    ///
    /// - Throws: as `Socket.option`.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try call(.getOption, option.name) { descriptor throws(Errno) in
            try option.get(descriptor, family)
        }
    }

    /// Sets an option: setsockopt(2).
    ///
    /// - Throws: as `Socket.setOption`.
    public func setOption<Value>(
        _ option: SocketOption<Value>, to value: Value
    ) throws(SocketError) {
        try call(.setOption, option.name) { descriptor throws(Errno) in
            try option.set(descriptor, family, value)
        }
    }

    /// Receives what is sent to a group, on one interface or where the routes point.
    ///
    /// `IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`. The channel's port has to be the group's.
    ///
    /// - Throws: as `Socket.joinMulticastGroup`.
    public func joinMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try change(.membership(.join, of: group, interface: interface))
    }

    /// Receives no longer what is sent to a group: `IP_DROP_MEMBERSHIP`, `IPV6_LEAVE_GROUP`.
    ///
    /// - Throws: as `Socket.leaveMulticastGroup`.
    public func leaveMulticastGroup(
        _ group: IPAddress, interface: String? = nil
    ) throws(SocketError) {
        try change(.membership(.leave, of: group, interface: interface))
    }

    /// Sends to groups through this interface: `IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`.
    ///
    /// - Throws: as `Socket.setMulticastInterface`.
    public func setMulticastInterface(_ interface: String) throws(SocketError) {
        try change(.sendThrough(interface: interface))
    }

    private func change(_ change: MulticastMembership) throws(SocketError) {
        try call(.setOption, change.subject) { descriptor throws(Errno) in
            try change.apply(to: descriptor, family)
        }
    }

    private func call<Result>(
        _ operation: SocketError.Operation, _ subject: String,
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
