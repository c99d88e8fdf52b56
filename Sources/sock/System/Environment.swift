import CSock
import Glibc

/// The environment of the program: its process and the machine.
enum Environment {
    /// The value of an environment variable; nil if it is unset or empty. getenv(3)
    static subscript(name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The arguments of the program, beginning with its own name, as the kernel passed them.
    static var arguments: [[UInt8]] {
        (0..<csock_argument_count()).compactMap { index in
            csock_argument(index).map { argument in
                UnsafeBufferPointer(start: argument, count: strlen(argument)).map {
                    UInt8(bitPattern: $0)
                }
            }
        }
    }

    /// The seconds since 1 January 1970 on the wall clock. time(2)
    static var secondsSince1970: Int { time(nil) }

    /// A Boolean value that indicates whether the user is root. geteuid(2)
    static var isRoot: Bool { geteuid() == 0 }

    /// The number of processors, at least 1. sysconf(3)
    static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Returns whether this machine has an interface with this name or number. if_nametoindex(3)
    static func hasInterface(_ zone: String) -> Bool {
        if let number = UInt32(zone) {
            var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
            return if_indextoname(number, &name) != nil
        }
        return if_nametoindex(zone) != 0
    }

    /// Raises the soft limit of open descriptors to the hard limit. setrlimit(2)
    ///
    /// The usual soft limit of 1024 protects programs that use select(2), but it would limit the
    /// number of clients. A failure is ignored, because the program also works with the lower
    /// limit.
    static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
