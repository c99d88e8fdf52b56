import Glibc
import SystemPackage

/// A pipe that shows whether any descriptor of its reading end is left, in a process or in a
/// message between sockets.
struct WatchedPipe {
    /// The reading end, which the test passes between sockets and must close.
    let reader: FileDescriptor
    private let writer: Descriptor

    init() throws {
        let ends = try FileDescriptor.pipe()
        reader = ends.readEnd
        writer = Descriptor(ends.writeEnd.rawValue)
    }

    /// A Boolean value that indicates whether a descriptor of the reading end is open.
    ///
    /// A program that another test starts has a copy until it calls exec, so use `eventually` to
    /// check that none is open.
    var hasReader: Bool {
        var entry = pollfd(fd: writer.number, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, 0)
        return entry.revents & Int16(POLLERR) == 0
    }

    /// Makes the reading end readable.
    func write(_ text: String) { _ = Glibc.write(writer.number, text, text.utf8.count) }
}
