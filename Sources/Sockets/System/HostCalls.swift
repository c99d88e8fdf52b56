internal import Glibc
internal import SystemPackage

/// Why gethostbyname2_r(3) or gethostbyaddr_r(3) found nothing: `h_errno`.
package enum HostCallFailure: Error, Equatable {
    /// `HOST_NOT_FOUND`
    case hostNotFound
    /// `TRY_AGAIN`
    case tryAgain
    /// `NO_RECOVERY`
    case noRecovery
    /// `NO_DATA`
    case noData
    /// `NETDB_INTERNAL`: the system itself failed.
    case system(Errno)

    /// The failure for a code of `h_errno` and the error number that came with it.
    init(hostErrno: Int32, errno: Int32) {
        switch hostErrno {
        case HOST_NOT_FOUND: self = .hostNotFound
        case TRY_AGAIN: self = .tryAgain
        case NO_RECOVERY: self = .noRecovery
        case NO_DATA: self = .noData
        default: self = .system(Errno(rawValue: errno == 0 ? EIO : errno))
        }
    }
}

/// A `struct hostent`, copied.
package struct RawHostEntry: Equatable {
    package var name: String
    package var aliases: [String]
    /// In network order, of 4 or 16 bytes each.
    package var addresses: [[UInt8]]
}

extension System {
    /// gethostbyname2_r(3): names and addresses of a host, of one family.
    ///
    /// `name` must not contain a NUL, at which C would stop reading.
    package static func gethostbyname2_r(
        _ name: String, domain: SocketDomain
    ) throws(HostCallFailure) -> RawHostEntry {
        try hostEntry { entry, buffer, size, result, hostErrno in
            Glibc.gethostbyname2_r(name, domain.rawValue, entry, buffer, size, result, hostErrno)
        }
    }

    /// gethostbyaddr_r(3): names of the host with an address of 4 or 16 bytes in network order.
    package static func gethostbyaddr_r(
        _ address: [UInt8], domain: SocketDomain
    ) throws(HostCallFailure) -> RawHostEntry {
        try hostEntry { entry, buffer, size, result, hostErrno in
            Glibc.gethostbyaddr_r(
                address, socklen_t(address.count), domain.rawValue, entry, buffer, size, result,
                hostErrno)
        }
    }

    /// Calls with a buffer that grows until the entry fits, and copies the entry out of it.
    private static func hostEntry(
        _ call: (
            UnsafeMutablePointer<hostent>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<hostent>?>, UnsafeMutablePointer<Int32>
        ) -> Int32
    ) throws(HostCallFailure) -> RawHostEntry {
        var size = 1024
        while true {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            var entry = hostent()
            var result: UnsafeMutablePointer<hostent>?
            var hostErrno: Int32 = 0
            let code = call(&entry, buffer, size, &result, &hostErrno)
            // A result points at `entry`, whose pointers lead into `buffer`: both are still here.
            if code == 0, let found = result?.pointee { return RawHostEntry(found) }
            guard code == ERANGE, size < nameBufferLimit else {
                throw HostCallFailure(hostErrno: hostErrno, errno: code)
            }
            size *= 2
        }
    }
}

extension RawHostEntry {
    init(_ entry: hostent) {
        let length = Int(entry.h_length)
        name = entry.h_name.map { String(cString: $0) } ?? ""
        aliases = strings(inList: entry.h_aliases)
        addresses = pointers(inList: entry.h_addr_list).map { address in
            Array(UnsafeRawBufferPointer(start: address, count: length))
        }
    }
}

/// The pointers of a list that ends with a null pointer, as C returns them.
func pointers(
    inList list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> [UnsafeMutablePointer<CChar>] {
    guard var position = list else { return [] }
    var pointers: [UnsafeMutablePointer<CChar>] = []
    while let pointer = position.pointee {
        pointers.append(pointer)
        position += 1
    }
    return pointers
}

/// The strings of a list that ends with a null pointer, copied; wrong UTF-8 is repaired.
func strings(inList list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [String] {
    pointers(inList: list).map { String(cString: $0) }
}
