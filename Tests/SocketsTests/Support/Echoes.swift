@testable import Sockets

/// Peers that send everything back.
enum Echoes {
    /// Blocking, on a thread: answers as it reads, and ends when its caller ends.
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

/// Bytes of which each stretch looks different.
func pattern(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
        for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: index ^ index >> 8) }
        initialized = count
    }
}
