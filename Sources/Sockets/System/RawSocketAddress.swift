internal import Glibc

/// An address in the kernel's format: a `sockaddr_storage` and its length.
package struct RawSocketAddress {
    /// The contents of the storage as plain values in host order.
    package enum Content: Equatable {
        case ipv4(bits: UInt32, port: UInt16)
        case ipv6(high: UInt64, low: UInt64, port: UInt16, scope: UInt32)
        /// A path, or an abstract name if the first byte is NUL.
        ///
        /// If there are no bytes, bind(2) chooses an abstract name (unix(7), "Autobind feature").
        case unix([UInt8])
        case unnamed
    }

    private var storage = sockaddr_storage()
    private var length: socklen_t

    /// Creates storage for an address that the kernel will write.
    package init() { length = socklen_t(MemoryLayout<sockaddr_storage>.size) }

    /// Creates an address from the storage and the length that a call has written.
    init(storage: sockaddr_storage, length: socklen_t) {
        self.storage = storage
        self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
    }

    /// Copies an address that libc has created, such as one in an `addrinfo`.
    init(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
        withUnsafeMutableBytes(of: &storage) { storage in
            storage.copyMemory(
                from: UnsafeRawBufferPointer(start: address, count: Int(self.length)))
        }
    }

    /// Creates an address from `content`.
    ///
    /// - Precondition: A Unix name is not longer than `sun_path`.
    package init(_ content: Content) {
        length = 0
        switch content {
        case .ipv4(let bits, let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = bits.bigEndian
            store(address)
        case .ipv6(let high, let low, let port, let scope):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
                bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
                bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            store(address)
        case .unix(let name):
            var address = sockaddr_un()
            precondition(name.count <= MemoryLayout.size(ofValue: address.sun_path))
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
            store(address)
            // A path ends with a NUL if the storage has space for it. An abstract name has no NUL
            // at the end, because every byte of the length belongs to the name. An empty name has
            // no NUL either, because the address then consists only of the family.
            let isPath = name.first.map { $0 != 0 } ?? false
            let terminator = isPath && name.count < unixNameCapacity ? 1 : 0
            length = socklen_t(unixNameOffset + name.count + terminator)
        case .unnamed:
            storage.ss_family = sa_family_t(AF_UNSPEC)
            length = socklen_t(MemoryLayout<sa_family_t>.size)
        }
    }

    /// The contents of the storage.
    ///
    /// A truncated address is returned as unnamed.
    package var content: Content {
        guard length >= MemoryLayout<sa_family_t>.size else { return .unnamed }
        switch Int32(storage.ss_family) {
        case AF_INET:
            guard length >= MemoryLayout<sockaddr_in>.size else { return .unnamed }
            let address = load(sockaddr_in.self)
            return .ipv4(
                bits: UInt32(bigEndian: address.sin_addr.s_addr),
                port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            guard length >= MemoryLayout<sockaddr_in6>.size else { return .unnamed }
            var address = load(sockaddr_in6.self)
            let (high, low) = withUnsafeBytes(of: &address.sin6_addr) { bytes in
                (
                    bytes.loadUnaligned(as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                )
            }
            return .ipv6(
                high: UInt64(bigEndian: high), low: UInt64(bigEndian: low),
                port: UInt16(bigEndian: address.sin6_port), scope: address.sin6_scope_id)
        case AF_UNIX:
            let count = min(Int(length) - unixNameOffset, unixNameCapacity)
            guard count > 0 else { return .unnamed }
            let name = withUnsafeBytes(of: storage) { Array($0[unixNameOffset...].prefix(count)) }
            if name[0] == 0 { return name.count > 1 ? .unix(name) : .unnamed }
            return .unix(Array(name.prefix { $0 != 0 }))
        default: return .unnamed
        }
    }

    /// Sets the flow label of an IPv6 address, which connect(2) uses for the connection's packets.
    mutating func setFlowLabel(_ label: UInt32) {
        precondition(Int32(storage.ss_family) == AF_INET6)
        var address = load(sockaddr_in6.self)
        address.sin6_flowinfo = label.bigEndian
        store(address)
    }

    /// Calls `body` with a pointer to the address and its length, for system calls such as bind(2)
    /// that take an address.
    func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// Calls `body` with pointers to the storage and its length, for system calls such as accept(2)
    /// that write an address and its length there.
    mutating func withRoom<Result>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }

    private mutating func store<Address>(_ address: Address) {
        length = socklen_t(MemoryLayout<Address>.size)
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: Address.self) }
    }

    private func load<Address>(_ type: Address.Type) -> Address {
        withUnsafeBytes(of: storage) { $0.load(as: type) }
    }
}

private let unixNameOffset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!
private let unixNameCapacity = MemoryLayout<sockaddr_un>.size - unixNameOffset
