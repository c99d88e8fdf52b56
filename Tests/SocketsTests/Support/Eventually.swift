import Foundation

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

/// Whether somebody calls the address, of IPv4, and has got no answer yet: the kernel's table says
/// so, in hexadecimal.
func isBeingCalled(_ address: SocketAddress) -> Bool {
    // In one piece only if it is read to the end.
    let table = try? FileHandle(forReadingAtPath: "/proc/net/tcp")?.readToEnd()
    let port = String(address.port ?? 0, radix: 16, uppercase: true)
    // The remote address ends with the port; the state that follows is that of a SYN that was sent.
    let wanted = ":" + String(repeating: "0", count: 4 - port.count) + port + " 02 "
    return table?.range(of: Data(wanted.utf8)) != nil
}

/// Whether a call to the address is refused.
func refusesCalls(_ address: SocketAddress) -> Bool {
    do throws(SocketError) {
        _ = try Socket(to: address)
        return false
    } catch {
        return error.errno == .connectionRefused
    }
}
