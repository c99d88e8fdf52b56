import Foundation

@testable import Sockets

/// Polls a condition that has no event, for at most ten seconds, and returns whether it became
/// true.
///
/// Such conditions are states of the kernel and of other processes. For example, a `close()` is not
/// final while another test starts a program, because the child holds the descriptor until it calls
/// exec.
func eventually(_ condition: () throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while try !condition() {
        guard ContinuousClock.now < deadline else { return false }
        await Task.yield()
    }
    return true
}

/// Returns whether a connect to the IPv4 address has had no answer yet, according to
/// `/proc/net/tcp`.
func hasUnansweredConnect(_ address: SocketAddress) -> Bool {
    // The kernel only returns a consistent table if it is read to the end.
    let table = try? FileHandle(forReadingAtPath: "/proc/net/tcp")?.readToEnd()
    let port = String(address.port ?? 0, radix: 16, uppercase: true)
    // The port ends the remote address, and the state follows: 02 is SYN_SENT.
    let pattern = ":" + String(repeating: "0", count: 4 - port.count) + port + " 02 "
    return table?.range(of: Data(pattern.utf8)) != nil
}

/// Returns whether a connection to the address is refused.
func refusesConnections(_ address: SocketAddress) -> Bool {
    do throws(SocketError) {
        _ = try Socket(to: address)
        return false
    } catch {
        return error.errno == .connectionRefused
    }
}
