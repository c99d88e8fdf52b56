internal import CSockets
internal import Glibc
internal import SystemPackage

extension System {
    /// Creates a descriptor that becomes readable with the first `signal`: eventfd(2).
    static func makeEvent() throws(Errno) -> Int32 {
        try systemCall(.eventfd) { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) }
    }

    /// Makes an eventfd readable and triggers a new edge: write(2).
    static func signal(event: Int32) {
        var one: UInt64 = 1
        // The call fails only if the counter is full, which would take centuries.
        _ = try? systemCall(.write) { Glibc.write(event, &one, 8) }
    }
}
