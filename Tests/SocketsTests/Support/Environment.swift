import Foundation

/// The environment variables of a test run.
enum Environment {
    /// Returns the number in a variable; `nil` if it is not set.
    static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }
}
