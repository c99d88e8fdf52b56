import Glibc

/// What the program can learn about the place where it runs.
enum Environment {
    /// A variable's value; nil if it is not set, or set to nothing. getenv(3)
    static subscript(name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Seconds since 1 January 1970, by the wall clock. time(2)
    static var secondsSince1970: Int { time(nil) }

    /// Ends the program.
    static func exit(_ status: ExitStatus) -> Never { Glibc.exit(status.rawValue) }
}
