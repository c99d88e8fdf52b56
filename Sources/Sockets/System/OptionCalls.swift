internal import Glibc
internal import SystemPackage

/// The kernel's own time limit of one direction: `SO_RCVTIMEO` or `SO_SNDTIMEO`.
enum TimeoutOption {
    case receive, send

    var name: Int32 {
        switch self {
        case .receive: SO_RCVTIMEO
        case .send: SO_SNDTIMEO
        }
    }
}

extension System {
    /// setsockopt(2) with a value of fixed layout.
    static func setsockopt<Value: BitwiseCopyable>(
        _ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Value
    ) throws(Errno) {
        _ = try systemCall(.setsockopt) {
            withUnsafeBytes(of: value) {
                Glibc.setsockopt(descriptor, level, name, $0.baseAddress, socklen_t($0.count))
            }
        }
    }

    /// getsockopt(2) into a value of fixed layout; what the kernel does not write keeps its bytes.
    static func getsockopt<Value: BitwiseCopyable>(
        _ descriptor: Int32, _ level: Int32, _ name: Int32, _ initial: Value, ours: Bool = true
    ) throws(Errno) -> Value {
        var value = initial
        _ = try systemCall(.getsockopt, ours: ours) {
            withUnsafeMutableBytes(of: &value) { bytes in
                var length = socklen_t(bytes.count)
                return Glibc.getsockopt(descriptor, level, name, bytes.baseAddress, &length)
            }
        }
        return value
    }

    /// setsockopt(2) of a time limit in microseconds; 0 is none.
    static func setTimeout(
        _ descriptor: Int32, _ option: TimeoutOption, microseconds: UInt64
    ) throws(Errno) {
        let value = timeval(
            tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        try setsockopt(descriptor, SOL_SOCKET, option.name, value)
    }

    /// What a descriptor is, for adopting it.
    static func identity(of descriptor: Int32) throws(Errno) -> (
        domain: SocketDomain, type: SocketType
    ) {
        let domain = try getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, Int32(0), ours: false)
        let type = try getsockopt(descriptor, SOL_SOCKET, SO_TYPE, Int32(0), ours: false)
        return (SocketDomain(rawValue: domain), SocketType(rawValue: type))
    }

    /// Whether listen(2) has been called on a descriptor, which may be a user's.
    static func isListening(_ descriptor: Int32) throws(Errno) -> Bool {
        try getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, Int32(0), ours: false) != 0
    }

    /// Takes the pending error off a socket (`SO_ERROR`); nil when there is none.
    static func takeError(_ descriptor: Int32) throws(Errno) -> Errno? {
        let code = try getsockopt(descriptor, SOL_SOCKET, SO_ERROR, Int32(0))
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// if_nametoindex(3); nil when no interface has this name.
    static func if_nametoindex(_ name: String) -> UInt32? {
        let index = Glibc.if_nametoindex(name)
        return index == 0 ? nil : index
    }
}
