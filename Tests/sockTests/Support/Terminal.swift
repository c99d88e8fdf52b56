import Glibc
import Sockets

/// A terminal of the test, which programs open by its path.
final class Terminal {
    let path: String
    /// The end that a window or an SSH server holds.
    private let controller: Int32
    private var isOpen = true

    /// Opens a terminal. openpty(3)
    init() throws {
        var (controller, terminal): (Int32, Int32) = (-1, -1)
        guard openpty(&controller, &terminal, nil, nil, nil) == 0 else {
            throw Errno(rawValue: errno)
        }
        _ = fcntl(controller, F_SETFD, FD_CLOEXEC)
        path = String(cString: ttyname(terminal))
        close(terminal)
        self.controller = controller
    }

    deinit { hangUp() }

    /// Closes the end of the user, as a closed window or a lost SSH connection does.
    func hangUp() {
        if isOpen { close(controller) }
        isOpen = false
    }
}
