import Foundation

/// Returns the calling thread's name below `/proc`: `PID/task/TID`.
func currentThread() -> String {
    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
    return path ?? ""
}

/// Waits until a thread sleeps in the kernel, which no other event shows.
func waitUntilBlocked(_ thread: String) {
    let end = ContinuousClock.now.advanced(by: .seconds(20))
    while !isBlocked(thread), ContinuousClock.now < end { sched_yield() }
}

/// Returns whether a thread sleeps, which is state S in its `stat`.
func isBlocked(_ thread: String) -> Bool {
    let stat = (try? String(contentsOfFile: "/proc/\(thread)/stat", encoding: .utf8)) ?? ""
    // The name of the program may contain spaces, so the state is the first word after it.
    return stat.split(separator: ")").last?.split(separator: " ").first == "S"
}
