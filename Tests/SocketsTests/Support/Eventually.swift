import Glibc

@testable import Sockets

/// Looks again and again until something is so, for ten seconds at most: for what no event tells.
///
/// Such are the states of the kernel and of other processes. A `close()`, for one, is not final
/// while another test starts a program: until that one calls exec, it has the descriptor too.
func eventually(_ isSo: () throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while try !isSo() {
        guard ContinuousClock.now < deadline else { return false }
        await Task.yield()
    }
    return true
}

/// Whether a call to the address is refused.
func refusesCalls(_ address: SocketAddress) -> Bool {
    do throws(SocketError) {
        _ = try Socket.connected(to: address)
        return false
    } catch {
        return error.errno == .connectionRefused
    }
}
