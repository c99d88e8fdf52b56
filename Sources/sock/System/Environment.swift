import Glibc

/// What the program can learn about the place where it runs.
enum Environment {
    /// A variable's value; nil if it is not set, or set to nothing. getenv(3)
    static subscript(name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Seconds since 1 January 1970, by the wall clock. time(2)
    static var secondsSince1970: Int { time(nil) }

    /// Whether nothing is hidden from this user, or hardly anything. geteuid(2)
    static var isRoot: Bool { geteuid() == 0 }

    /// How many processors there are to run on, at least 1. sysconf(3)
    static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Takes as many descriptors as the administrator allows: setrlimit(2).
    ///
    /// The usual limit, 1024, is low for the sake of programs that use select(2), and would be the
    /// number of callers at once. Nobody else is bound by it, so a failure changes nothing.
    static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Ends the program.
    static func exit(_ status: ExitStatus) -> Never { Glibc.exit(status.rawValue) }
}
