import Foundation

/// What a run of the tests was told by its surroundings.
enum Environment {
    /// The number that a variable holds; nil if there is none.
    static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }
}
