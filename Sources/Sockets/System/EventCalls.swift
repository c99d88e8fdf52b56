internal import CSockets
internal import Glibc
internal import SystemPackage

extension System {
    /// eventfd(2): a descriptor that is readable after the first `signal`.
    static func makeEvent() throws(Errno) -> Int32 {
        try systemCall(.eventfd) { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) }
    }

    /// write(2) to an eventfd: makes it readable, and triggers a new edge.
    static func signal(event: Int32) {
        var one: UInt64 = 1
        // Fails only if the counter is full, which would take centuries.
        _ = try? systemCall(.write) { Glibc.write(event, &one, 8) }
    }
}
