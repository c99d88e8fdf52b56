@testable import Sockets

/// Servers that send back all bytes that they receive.
enum EchoServer {
    /// Echoes on a thread until the client half-closes, and returns the number of bytes.
    static func onThread(_ socket: Socket) -> Background<Int> {
        Background {
            var count = 0
            while case let bytes = try socket.receive(), !bytes.isEmpty {
                try socket.sendAll(bytes)
                count += bytes.count
            }
            try socket.shutdown(.write)
            return count
        }
    }
}

/// Returns `count` bytes in a pattern that reveals lost and misplaced bytes.
func pattern(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
        for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: index ^ index >> 8) }
        initialized = count
    }
}
