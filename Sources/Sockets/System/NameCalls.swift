internal import CSockets
internal import Glibc
internal import SystemPackage

/// The reason why getaddrinfo(3) or getnameinfo(3) failed.
package struct AddressInfoFailure: Error, Equatable {
    /// The `EAI_` code, such as `EAI_NONAME`.
    package let code: Int32
    /// The error number behind `EAI_SYSTEM`, or a shortage of descriptors; otherwise `nil`.
    package let errno: Errno?

    /// The text of gai_strerror(3) for the code.
    package var message: String { String(cString: gai_strerror(code)) }

    /// A Boolean value that indicates whether the name does not exist, or has no address of the
    /// requested family.
    package var isNotFound: Bool {
        [EAI_NONAME, csockets_eai_nodata, csockets_eai_addrfamily].contains(code)
    }

    /// A Boolean value that indicates whether a later attempt may succeed.
    package var isTemporary: Bool { code == EAI_AGAIN }

    /// Creates the failure for a call's result and the `errno` after it.
    init(code: Int32, errno number: Int32) {
        self.code = code
        if let shortage = System.descriptorShortage(after: number) {
            errno = shortage
        } else {
            // Some NSS modules fail with `errno` 0, which is replaced by `EIO`.
            errno = code != EAI_SYSTEM ? nil : Errno(rawValue: number == 0 ? EIO : number)
        }
    }
}

/// The result of getaddrinfo(3).
package struct AddressInfo {
    /// The addresses in libc's order of preference (RFC 6724).
    package var addresses: [RawSocketAddress] = []
    /// The host's official name, if it was requested and is known.
    package var canonicalName: String?
}

/// The flags of getnameinfo(3).
package struct NameInfoOptions {
    /// A Boolean value that indicates whether the call fails if the host has no name
    /// (`NI_NAMEREQD`).
    package var nameRequired = false
    /// A Boolean value that indicates whether the call returns the address in digits, without a
    /// lookup (`NI_NUMERICHOST`).
    package var numericHost = false
    /// A Boolean value that indicates whether the call returns the port in digits, without a lookup
    /// (`NI_NUMERICSERV`).
    package var numericService = false
    /// A Boolean value that indicates whether the call looks up a UDP service, which can differ
    /// from the TCP service on the port (`NI_DGRAM`).
    package var datagram = false

    package init() {}

    fileprivate var flags: Int32 {
        (nameRequired ? NI_NAMEREQD : 0) | (numericHost ? NI_NUMERICHOST : 0)
            | (numericService ? NI_NUMERICSERV : 0) | (datagram ? NI_DGRAM : 0)
    }
}

extension System {
    /// Returns the addresses of a host: getaddrinfo(3).
    ///
    /// The request is limited to stream sockets, so that each address occurs once and not once for
    /// each type.
    ///
    /// `host` must not contain a NUL, because C would stop reading there.
    package static func getaddrinfo(
        _ host: String, family: AddressFamily? = nil, numericOnly: Bool = false,
        canonicalName: Bool = false
    ) throws(AddressInfoFailure) -> AddressInfo {
        var hints = addrinfo()
        hints.ai_family = family?.number ?? AF_UNSPEC
        hints.ai_socktype = SocketType.stream.number
        hints.ai_flags = (numericOnly ? AI_NUMERICHOST : 0) | (canonicalName ? AI_CANONNAME : 0)

        var list: UnsafeMutablePointer<addrinfo>?
        Glibc.errno = 0
        let code = Glibc.getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { throw AddressInfoFailure(code: code, errno: Glibc.errno) }
        defer { freeaddrinfo(list) }

        var result = AddressInfo()
        // Safe: the list exists until freeaddrinfo, and everything in it is copied before that.
        for entry in sequence(first: list, next: { $0?.pointee.ai_next }) {
            guard let entry = entry?.pointee else { break }
            if let address = entry.ai_addr {
                result.addresses.append(
                    RawSocketAddress(copying: address, length: entry.ai_addrlen))
            }
            if let name = entry.ai_canonname { result.canonicalName = String(cString: name) }
        }
        return result
    }

    /// Returns the names of an address's host and service: getnameinfo(3).
    package static func getnameinfo(
        _ address: RawSocketAddress, _ options: NameInfoOptions
    ) throws(AddressInfoFailure) -> (host: String, service: String) {
        // RFC 1035 limits a name to 255 bytes, but files may contain longer names. So the buffer
        // has the 1025 bytes of `NI_MAXHOST` and grows if necessary.
        var size = Int(NI_MAXHOST)
        while true {
            var host = [CChar](repeating: 0, count: size)
            var service = [CChar](repeating: 0, count: size)
            Glibc.errno = 0
            let code = address.withAddress { address, length in
                Glibc.getnameinfo(
                    address, length, &host, socklen_t(size), &service, socklen_t(size),
                    options.flags)
            }
            let number = Glibc.errno
            if code == 0 {
                let names = (host: text(in: host), service: text(in: service))
                // getnameinfo(3) returns digits if the host has no name, but also if no descriptor
                // was left for the lookup. So check for a shortage.
                if !options.numericHost, isNumeric(names.host),
                    let shortage = descriptorShortage(after: number)
                {
                    throw AddressInfoFailure(code: EAI_SYSTEM, errno: shortage.rawValue)
                }
                return names
            }
            guard code == EAI_OVERFLOW, size < nameBufferLimit else {
                throw AddressInfoFailure(code: code, errno: number)
            }
            size *= 2
        }
    }

    /// Returns whether the text is an address in digits, with or without a zone: inet_pton(3).
    private static func isNumeric(_ host: String) -> Bool {
        var address = in6_addr()
        let digits = String(host.prefix { $0 != "%" })
        return [AF_INET, AF_INET6].contains { inet_pton($0, digits, &address) == 1 }
    }

    /// Returns whether libc reads the text as an IPv4 address in any of its forms: inet_aton(3).
    ///
    /// libc reads `127.1`, `0x7f000001`, `010.0.0.1` and `2130706433` as addresses, but not
    /// `redis.1` and `123456789012`. The text must not contain a NUL.
    static func inet_aton(_ text: String) -> Bool {
        var address = in_addr()
        return Glibc.inet_aton(text, &address) != 0
    }

    /// Returns the name of this machine: gethostname(2).
    package static func gethostname() throws(Errno) -> String {
        // Linux allows 64 bytes. The buffer grows in case a kernel allows more.
        var size = 256
        while true {
            var name = [CChar](repeating: 0, count: size)
            do {
                // The last byte is excluded, so the text ends with a NUL even if the kernel
                // truncates the name.
                _ = try systemCall(.gethostname) { Glibc.gethostname(&name, size - 1) }
                return text(in: name)
            } catch .fileNameTooLong where size < nameBufferLimit {
                size *= 2
            }
        }
    }

    /// Returns the text before the first NUL.
    ///
    /// U+FFFD replaces invalid UTF-8.
    private static func text(in buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// The size at which buffers for names stop growing: 16 MiB, far more than any real answer needs.
let nameBufferLimit = 1 << 24
