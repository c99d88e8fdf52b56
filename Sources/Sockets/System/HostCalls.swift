internal import CSockets
internal import Glibc
internal import SystemPackage

/// The reason why gethostbyname2_r(3) or gethostbyaddr_r(3) found no entry: `h_errno`.
package enum HostCallFailure: Error, Equatable {
    /// `HOST_NOT_FOUND`
    case hostNotFound
    /// `TRY_AGAIN`
    case tryAgain
    /// `NO_RECOVERY`
    case noRecovery
    /// `NO_DATA`
    case noData
    /// `NETDB_INTERNAL`: a system call failed.
    case system(Errno)

    /// Creates the failure for a value of `h_errno` and the error number of the same call.
    init(hostErrno: Int32, errno: Int32) {
        if let shortage = System.descriptorShortage(after: errno) {
            self = .system(shortage)
            return
        }
        switch hostErrno {
        case HOST_NOT_FOUND: self = .hostNotFound
        case TRY_AGAIN: self = .tryAgain
        case NO_RECOVERY: self = .noRecovery
        case NO_DATA: self = .noData
        default: self = .system(Errno(rawValue: errno == 0 ? EIO : errno))
        }
    }

    /// Creates the failure that corresponds to a failure of getaddrinfo(3).
    init(_ failure: AddressInfoFailure) {
        if let errno = failure.errno {
            self = .system(errno)
            return
        }
        switch failure.code {
        case EAI_AGAIN: self = .tryAgain
        case EAI_FAIL: self = .noRecovery
        case csockets_eai_nodata, csockets_eai_addrfamily: self = .noData
        case EAI_NONAME: self = .hostNotFound
        case EAI_MEMORY: self = .system(.noMemory)
        default: self = .noRecovery
        }
    }
}

/// A copy of a `struct hostent`.
package struct RawHostEntry: Equatable {
    package var name: String
    package var aliases: [String]
    /// Addresses of 4 or 16 bytes in network order.
    package var addresses: [[UInt8]]
}

extension System {
    /// Returns the names of a host and its addresses of one family: gethostbyname2_r(3).
    ///
    /// `name` must not contain a NUL, because C would stop reading there.
    package static func gethostbyname2_r(
        _ name: String, family: AddressFamily
    ) throws(HostCallFailure) -> RawHostEntry {
        var hostErrno: Int32 = 0
        return try databaseEntry(hostent(), copiedBy: RawHostEntry.init) {
            entry, buffer, size, result in
            Glibc.gethostbyname2_r(name, family.number, entry, buffer, size, result, &hostErrno)
        } orThrow: {
            HostCallFailure(hostErrno: hostErrno, errno: $0 == 0 ? $1 : $0)
        }
    }

    /// Returns the entry of a host whose name has only digits and dots, such as `123456789012`, the
    /// name of a container.
    ///
    /// gethostbyname2_r(3) would interpret such a name as an address and not look it up. So this
    /// function calls getaddrinfo(3), which reports the official name but no aliases. If the
    /// official name differs from `name`, the entry contains `name` as its only alias.
    static func hostEntry(
        ofDigits name: String, family: AddressFamily
    ) throws(HostCallFailure) -> RawHostEntry {
        let info: AddressInfo
        do throws(AddressInfoFailure) {
            info = try getaddrinfo(name, family: family, canonicalName: true)
        } catch {
            throw HostCallFailure(error)
        }
        let official = info.canonicalName ?? name
        return RawHostEntry(
            name: official, aliases: official == name ? [] : [name],
            addresses: info.addresses.compactMap(\.networkBytes))
    }

    /// Returns the names of the host with an address of 4 or 16 bytes in network order:
    /// gethostbyaddr_r(3).
    package static func gethostbyaddr_r(
        _ address: [UInt8], family: AddressFamily
    ) throws(HostCallFailure) -> RawHostEntry {
        var hostErrno: Int32 = 0
        return try databaseEntry(hostent(), copiedBy: RawHostEntry.init) {
            entry, buffer, size, result in
            Glibc.gethostbyaddr_r(
                address, socklen_t(address.count), family.number, entry, buffer, size, result,
                &hostErrno)
        } orThrow: {
            HostCallFailure(hostErrno: hostErrno, errno: $0 == 0 ? $1 : $0)
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

extension RawSocketAddress {
    /// The 4 or 16 bytes of the Internet address in network order; `nil` for other addresses.
    fileprivate var networkBytes: [UInt8]? {
        switch content {
        case .ipv4(let bits, _): withUnsafeBytes(of: bits.bigEndian) { Array($0) }
        case .ipv6(let high, let low, _, _):
            [high, low].flatMap { half in withUnsafeBytes(of: half.bigEndian) { Array($0) } }
        case .unix, .unnamed: nil
        }
    }
}
