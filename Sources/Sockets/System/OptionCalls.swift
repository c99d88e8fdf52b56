internal import CSockets
internal import Glibc
package import SystemPackage

/// The kernel's time limit for one direction: `SO_RCVTIMEO` or `SO_SNDTIMEO`.
package enum TimeoutOption {
    case receive, send

    var name: Int32 {
        switch self {
        case .receive: SO_RCVTIMEO
        case .send: SO_SNDTIMEO
        }
    }
}

extension System {
    /// Reads an option of the type `int`: getsockopt(2).
    static func option(
        _ descriptor: Int32, _ key: OptionKey, fromUser: Bool = false
    ) throws(Errno) -> Int32 {
        try getsockopt(descriptor, key.level, key.name, Int32(0), fromUser: fromUser)
    }

    /// Sets an option of the type `int`: setsockopt(2).
    static func setOption(
        _ descriptor: Int32, _ key: OptionKey, _ value: Int32, fromUser: Bool = false
    ) throws(Errno) {
        try setsockopt(descriptor, key.level, key.name, value, fromUser: fromUser)
    }

    /// Reads at most `capacity` bytes of an option that the user has chosen: getsockopt(2).
    static func option(
        _ descriptor: Int32, _ key: OptionKey, capacity: Int
    ) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: capacity)
        var length = socklen_t(capacity)
        _ = try systemCall(.getsockopt, fromUser: true) {
            Glibc.getsockopt(descriptor, key.level, key.name, &bytes, &length)
        }
        return Array(bytes.prefix(Int(length)))
    }

    /// Sets an option to the user's bytes, which may contain an invalid pointer or descriptor:
    /// setsockopt(2).
    static func setOption(_ descriptor: Int32, _ key: OptionKey, _ bytes: [UInt8]) throws(Errno) {
        _ = try systemCall(.setsockopt, fromUser: true) {
            Glibc.setsockopt(descriptor, key.level, key.name, bytes, socklen_t(bytes.count))
        }
    }

    /// Returns whether the kernel can store a name in full.
    ///
    /// The kernel ends a name at a NUL and truncates it to 15 bytes. The shorter name may belong to
    /// another object.
    static func isOptionName(_ name: String) -> Bool {
        (1...15).contains(name.utf8.count) && !name.utf8.contains(0)
    }

    /// Reads an option whose value is a name of at most 15 bytes: getsockopt(2).
    static func optionName(_ descriptor: Int32, _ key: OptionKey) throws(Errno) -> String {
        let value = try getsockopt(descriptor, key.level, key.name, (UInt64(0), UInt64(0)))
        return withUnsafeBytes(of: value) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Sets an option to a name of at most 15 bytes, or to no name: setsockopt(2).
    static func setOption(_ descriptor: Int32, _ key: OptionKey, name: String) throws(Errno) {
        var value = (UInt64(0), UInt64(0))
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: name.utf8.prefix(15)) }
        try setsockopt(descriptor, key.level, key.name, value)
    }

    /// Returns whether a connection uses Multipath TCP: getsockopt(2) with `MPTCP_INFO`.
    ///
    /// A socket without Multipath TCP does not have the option. A Multipath TCP socket loses the
    /// option if the peer declines Multipath TCP.
    static func usesMultipathTCP(_ descriptor: Int32) throws(Errno) -> Bool {
        do throws(Errno) {
            _ = try option(descriptor, .multipathInformation)
            return true
        } catch {
            guard error == .notSupportedOnSocket || error == .protocolNotAvailable else {
                throw error
            }
            return false
        }
    }

    /// Returns the address that a client connected to before the firewall changed it, or `nil` if
    /// the firewall does not track the connection: getsockopt(2) with `SO_ORIGINAL_DST`.
    static func originalDestination(
        _ descriptor: Int32, isIPv6: Bool
    ) throws(Errno) -> RawSocketAddress? {
        // An IPv6 socket may have an IPv4 client, whose address the kernel reports as IPv4.
        let keys: [OptionKey] =
            isIPv6 ? [.originalDestination6, .originalDestination4] : [.originalDestination4]
        for key in keys {
            do throws(Errno) {
                var address = RawSocketAddress()
                _ = try systemCall(.getsockopt) {
                    address.withRoom {
                        Glibc.getsockopt(descriptor, key.level, key.name, $0, $1)
                    }
                }
                return address
            } catch {
                guard error == .noSuchFileOrDirectory else { throw error }
            }
        }
        return nil
    }

    /// Reads the linger time in seconds, or `nil` if lingering is off: getsockopt(2) with
    /// `SO_LINGER`.
    static func linger(_ descriptor: Int32) throws(Errno) -> Int32? {
        let key = OptionKey.linger
        let value = try getsockopt(descriptor, key.level, key.name, Glibc.linger())
        return value.l_onoff == 0 ? nil : value.l_linger
    }

    /// Sets the linger time in seconds, or turns lingering off for `nil`: setsockopt(2) with
    /// `SO_LINGER`.
    static func setLinger(_ descriptor: Int32, _ seconds: Int32?) throws(Errno) {
        let value = Glibc.linger(l_onoff: seconds == nil ? 0 : 1, l_linger: seconds ?? 0)
        try setsockopt(descriptor, OptionKey.linger.level, OptionKey.linger.name, value)
    }

    /// Sets an option to a value of fixed layout: setsockopt(2).
    static func setsockopt<Value>(
        _ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Value, fromUser: Bool = false
    ) throws(Errno) {
        if Simulation.kernel != nil { return }
        _ = try systemCall(.setsockopt, fromUser: fromUser) {
            withUnsafeBytes(of: value) {
                Glibc.setsockopt(descriptor, level, name, $0.baseAddress, socklen_t($0.count))
            }
        }
    }

    /// Reads an option as a value of fixed layout: getsockopt(2).
    ///
    /// Bytes that the kernel does not write keep their values from `initial`.
    static func getsockopt<Value: BitwiseCopyable>(
        _ descriptor: Int32, _ level: Int32, _ name: Int32, _ initial: Value, fromUser: Bool = false
    ) throws(Errno) -> Value {
        #if DEBUG
            if Simulation.kernel != nil { return initial }
        #endif
        var value = initial
        _ = try systemCall(.getsockopt, fromUser: fromUser) {
            withUnsafeMutableBytes(of: &value) { bytes in
                var length = socklen_t(bytes.count)
                return Glibc.getsockopt(descriptor, level, name, bytes.baseAddress, &length)
            }
        }
        return value
    }

    /// Sets a time limit in microseconds: setsockopt(2).
    ///
    /// The value 0 means that there is no limit.
    package static func setTimeout(
        _ descriptor: Int32, _ option: TimeoutOption, microseconds: UInt64
    ) throws(Errno) {
        let value = timeval(
            tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        try setsockopt(descriptor, SOL_SOCKET, option.name, value)
    }

    /// Returns the family and the type of a socket that the program passed for adoption:
    /// getsockopt(2) with `SO_DOMAIN` and `SO_TYPE`.
    ///
    /// - Throws: `EAFNOSUPPORT` for a family or a type that the library does not know.
    static func identity(of descriptor: Int32) throws(Errno) -> (
        family: AddressFamily, type: SocketType
    ) {
        let domain = try getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, Int32(0), fromUser: true)
        let type = try getsockopt(descriptor, SOL_SOCKET, SO_TYPE, Int32(0), fromUser: true)
        guard let family = AddressFamily.allCases.first(where: { $0.number == domain }),
            let type = SocketType(number: type)
        else { throw .addressFamilyNotSupported }
        return (family, type)
    }

    /// Returns whether listen(2) was called on a descriptor: getsockopt(2) with `SO_ACCEPTCONN`.
    ///
    /// The user may have passed the descriptor for adoption, so an invalid one throws `EBADF`.
    static func isListening(_ descriptor: Int32) throws(Errno) -> Bool {
        try getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, Int32(0), fromUser: true) != 0
    }

    /// Returns and clears the pending error of a socket, or returns `nil` if there is none:
    /// getsockopt(2) with `SO_ERROR`.
    static func takeError(_ descriptor: Int32) throws(Errno) -> Errno? {
        let code = try getsockopt(descriptor, SOL_SOCKET, SO_ERROR, Int32(0))
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// Returns the index of the interface with this name, or `nil` if there is none:
    /// ioctl(2) with `SIOCGIFINDEX`, or if_nametoindex(3) if there is no socket yet.
    ///
    /// - Throws: `EMFILE` or `ENFILE`, because if_nametoindex(3) opens a socket.
    static func if_nametoindex(
        _ name: String, on descriptor: Int32? = nil
    ) throws(Errno) -> UInt32? {
        // C would stop reading at the NUL and find an interface with a shorter name.
        guard !name.utf8.contains(0) else { return nil }
        if let descriptor {
            var index: UInt32 = 0
            if csockets_interface_index(descriptor, name, &index) == 0 { return index }
            if Glibc.errno == ENODEV { return nil }
            // The socket may have been closed meanwhile, so try again without it.
        }
        let index = Glibc.if_nametoindex(name)
        if index != 0 { return index }
        // If glibc cannot open a socket, it also reports that the interface is missing. So check
        // for a shortage of descriptors.
        if let shortage = descriptorShortage(after: Glibc.errno) { throw shortage }
        return nil
    }

    /// Returns the name of the interface with this index, or `nil` if there is none:
    /// if_indextoname(3).
    package static func if_indextoname(_ index: UInt32) -> String? {
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard Glibc.if_indextoname(index, &name) != nil else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
