// FlyingSocks with its default pool. It has no option for TCP_NODELAY, and by design it reads at
// most 4 KiB at a time.
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
    for try await client in server.sockets {
        group.addTask {
            defer { try? client.close() }
            while let bytes = try? await client.read(atMost: 4096), !bytes.isEmpty {
                try await client.write(Data(bytes))
            }
        }
    }
}
