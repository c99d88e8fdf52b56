import CSockets
import Glibc
import Testing

@testable import Sockets

/// What the fuzzer found (`Fuzz/run`), one test for each.
@Suite("What the fuzzer found")
struct FuzzTests {
    /// Lends one entry of control data whose header says `length`, in memory of `room` bytes.
    private func found(
        level: Int, type: Int32, length: Int, room: Int
    ) -> Bool {
        var header = cmsghdr()
        header.cmsg_len = length
        header.cmsg_level = Int32(level)
        header.cmsg_type = type
        var bytes = withUnsafeBytes(of: header) { Array($0) }
        bytes += [UInt8](repeating: 1, count: 64)
        return bytes.withUnsafeMutableBytes { memory in
            var message = msghdr()
            message.msg_control = memory.baseAddress
            message.msg_controllen = room
            var info = csockets_packet_info()
            return csockets_read_packet_info(&message, &info) != 0
        }
    }

    @Test("control data that was cut is not read beyond its end")
    func cutControlData() {
        // The kernel shortens the length that it writes, or leaves it and says how much room was used.
        let (four, six) = (16 + 12, 16 + 20)
        #expect(found(level: IPPROTO_IP, type: IP_PKTINFO, length: four, room: four))
        #expect(!found(level: IPPROTO_IP, type: IP_PKTINFO, length: four - 1, room: four))
        #expect(!found(level: IPPROTO_IP, type: IP_PKTINFO, length: four, room: four - 1))
        #expect(found(level: IPPROTO_IPV6, type: IPV6_PKTINFO, length: six, room: six))
        #expect(!found(level: IPPROTO_IPV6, type: IPV6_PKTINFO, length: six - 1, room: six))
        #expect(!found(level: IPPROTO_IPV6, type: IPV6_PKTINFO, length: six, room: six - 1))
    }
}
