import Glibc
import Testing

@testable import Sockets

/// The packets that leave this thread's machine through one link, as a packet(7) socket sees them.
///
/// The kernel queues a copy of each packet before the send returns. Needs root.
final class LinkTap {
    private let socket: Descriptor

    init(_ link: String) throws {
        let packetFamily: Int32 = 17
        let everyProtocol = UInt16(3).bigEndian
        socket = Descriptor(
            Glibc.socket(
                packetFamily, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue),
                Int32(everyProtocol)))
        let index = try #require(try System.if_nametoindex(link))
        // `struct sockaddr_ll`, which Swift does not import.
        var address = [UInt8](repeating: 0, count: 20)
        address.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: UInt16(packetFamily), as: UInt16.self)
            bytes.storeBytes(of: everyProtocol, toByteOffset: 2, as: UInt16.self)
            bytes.storeBytes(of: Int32(index), toByteOffset: 4, as: Int32.self)
        }
        let result = address.withUnsafeBytes {
            bind(socket.number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 20)
        }
        try #require(result == 0)
    }

    /// Returns the hop limits of the packets that have left with this payload since the last call.
    func hopLimits(ofPayload payload: String) -> [UInt8] {
        packets(ofPayload: payload).map { $0.isIPv4 ? $0[8] : $0[7] }
    }

    /// Returns the traffic classes and the flow labels of the packets that have left with this
    /// payload since the last call; the flow label of an IPv4 packet is `nil`.
    func classes(ofPayload payload: String) -> [(trafficClass: UInt8, flowLabel: UInt32?)] {
        packets(ofPayload: payload).map { packet in
            if packet.isIPv4 { return (packet[1], nil) }
            let word = packet[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return (UInt8(truncatingIfNeeded: word >> 20), word & 0xF_FFFF)
        }
    }

    private func packets(ofPayload payload: String) -> [[UInt8]] {
        var packets: [[UInt8]] = []
        var packet = [UInt8](repeating: 0, count: 2_048)
        while true {
            let count = recv(socket.number, &packet, packet.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return packets }
            let bytes = packet[..<count]
            if bytes.suffix(payload.utf8.count).elementsEqual(payload.utf8) {
                packets.append(Array(bytes))
            }
        }
    }
}

extension [UInt8] {
    fileprivate var isIPv4: Bool { self[0] >> 4 == 4 }
}
