internal import SystemPackage

/// A type whose descriptor has options: `Socket`, `Connection`, `DatagramChannel`.
protocol DescriptorOwner {
    var family: AddressFamily { get }

    /// Makes a system call that does not wait.
    func call<Result>(
        _ operation: SocketError.Operation, _ subject: String?,
        _ body: (Int32) throws(Errno) -> Result
    ) throws(SocketError) -> Result
}

extension DescriptorOwner {
    /// Reads an option: getsockopt(2).
    func get<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try call(.getOption, option.name) { descriptor throws(Errno) in
            try option.get(descriptor, family)
        }
    }

    /// Sets an option: setsockopt(2).
    func set<Value>(_ option: SocketOption<Value>, to value: Value) throws(SocketError) {
        try call(.setOption, option.name) { descriptor throws(Errno) in
            try option.set(descriptor, family, value)
        }
    }

    /// Joins or leaves a multicast group, or sets the interface for multicast datagrams.
    func apply(_ change: MulticastMembership) throws(SocketError) {
        try call(.setOption, change.subject) { descriptor throws(Errno) in
            try change.apply(to: descriptor, family)
        }
    }

    /// Ends one or both directions of a connection: shutdown(2).
    func end(_ direction: ShutdownDirection) throws(SocketError) {
        try call(.shutdown, nil) { descriptor throws(Errno) in
            switch direction {
            case .read: try System.shutdown(descriptor, .reading)
            case .write: try System.shutdown(descriptor, .writing)
            case .both: try System.shutdown(descriptor, .both)
            }
        }
    }
}
