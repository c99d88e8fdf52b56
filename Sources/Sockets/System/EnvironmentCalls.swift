internal import Glibc

extension System {
    /// Returns the value of an environment variable, or `nil` if the variable is not set or is
    /// empty: getenv(3).
    static func getenv(_ name: String) -> String? {
        // The value is copied at once, because a later setenv(3) may move it.
        guard let value = Glibc.getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
