// FlyingSocks, with the pool that it uses by default. It gives no say in TCP_NODELAY, and reads at
// most 4 KiB at a time by design.
import FlyingSocks
import Foundation

let pool = SocketPool.make()
try await pool.prepare()
let listening = try Socket(domain: Int32(AF_INET))
try listening.setValue(true, for: .localAddressReuse)
try listening.bind(to: sockaddr_in.inet(ip4: "127.0.0.1", port: 0))
try listening.listen(maxPendingConnection: 4096)
guard case .ip4(_, let port) = try listening.sockname() else { fatalError("not an IPv4 address") }
FileHandle.standardOutput.write(Data("\(port)\n".utf8))

try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await pool.run() }
    let server = try AsyncSocket(socket: listening, pool: pool)
    for try await caller in server.sockets {
        group.addTask {
            defer { try? caller.close() }
            while let bytes = try? await caller.read(atMost: 4096), !bytes.isEmpty {
                try await caller.write(Data(bytes))
            }
        }
    }
}
