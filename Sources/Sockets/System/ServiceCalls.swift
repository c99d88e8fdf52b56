internal import Glibc
internal import SystemPackage

/// The reason why getservbyname_r(3) or getservbyport_r(3) found no entry.
package enum ServiceCallFailure: Error, Equatable {
    /// The services database has no such entry.
    case unknown
    /// libc could not open a services database.
    case noDatabase
    /// A system call failed.
    case system(Errno)

    /// Creates the failure for the result of a call that found no entry.
    ///
    /// In experiments, the result was `ENOENT` without `/etc/services`, and 0 with an empty file.
    init(code: Int32, errno: Int32) {
        if let shortage = System.descriptorShortage(after: errno) {
            self = .system(shortage)
            return
        }
        switch code {
        case 0: self = .unknown
        case ENOENT: self = .noDatabase
        default: self = .system(Errno(rawValue: code))
        }
    }
}

/// A copy of a `struct servent`.
package struct RawServiceEntry: Equatable {
    package var name: String
    package var aliases: [String]
    package var port: UInt16
    package var transport: String
}

extension System {
    /// Returns the service with this name, for any transport if `transport` is `nil`:
    /// getservbyname_r(3).
    ///
    /// `name` and `transport` must not contain a NUL, because C would stop reading there.
    package static func getservbyname_r(
        _ name: String, transport: String?
    ) throws(ServiceCallFailure) -> RawServiceEntry {
        try databaseEntry(servent(), copiedBy: RawServiceEntry.init) {
            entry, buffer, size, result in
            Glibc.getservbyname_r(name, transport, entry, buffer, size, result)
        } orThrow: {
            ServiceCallFailure(code: $0, errno: $1)
        }
    }

    /// Returns the service on this port, for any transport if `transport` is `nil`:
    /// getservbyport_r(3).
    package static func getservbyport_r(
        _ port: UInt16, transport: String?
    ) throws(ServiceCallFailure) -> RawServiceEntry {
        try databaseEntry(servent(), copiedBy: RawServiceEntry.init) {
            entry, buffer, size, result in
            // C expects the port in network order, in an `int`.
            Glibc.getservbyport_r(Int32(port.bigEndian), transport, entry, buffer, size, result)
        } orThrow: {
            ServiceCallFailure(code: $0, errno: $1)
        }
    }
}

extension RawServiceEntry {
    init(_ entry: servent) {
        name = entry.s_name.map { String(cString: $0) } ?? ""
        aliases = strings(inList: entry.s_aliases)
        port = UInt16(bigEndian: UInt16(truncatingIfNeeded: entry.s_port))
        transport = entry.s_proto.map { String(cString: $0) } ?? ""
    }
}
