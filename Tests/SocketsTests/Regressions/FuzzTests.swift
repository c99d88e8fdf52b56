import CSockets
import Glibc
import Testing

@testable import Sockets

/// Defects that the fuzzer (`Fuzz/run`) found, one test for each.
@Suite("Regressions found by the fuzzer")
struct FuzzTests {
    /// Returns whether packet information is found in control data with one entry, whose header has
    /// `length`, in a buffer of `capacity` bytes.
    private func found(
        level: Int, type: Int32, length: Int, capacity: Int
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
            message.msg_controllen = capacity
            var info = csockets_packet_info()
            return csockets_read_packet_info(&message, &info) != 0
        }
    }

    @Test("truncated control data is not parsed as packet information")
    func cutControlData() {
        // The kernel shortens the length in the header, or keeps it and reports how much it wrote.
        let (four, six) = (16 + 12, 16 + 20)
        #expect(found(level: IPPROTO_IP, type: IP_PKTINFO, length: four, capacity: four))
        #expect(!found(level: IPPROTO_IP, type: IP_PKTINFO, length: four - 1, capacity: four))
        #expect(!found(level: IPPROTO_IP, type: IP_PKTINFO, length: four, capacity: four - 1))
        #expect(found(level: IPPROTO_IPV6, type: IPV6_PKTINFO, length: six, capacity: six))
        #expect(!found(level: IPPROTO_IPV6, type: IPV6_PKTINFO, length: six - 1, capacity: six))
        #expect(!found(level: IPPROTO_IPV6, type: IPV6_PKTINFO, length: six, capacity: six - 1))
    }
}
