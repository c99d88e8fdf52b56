internal import CSockets
internal import Glibc
internal import SystemPackage

// The flow labels of IPv6 packets: ipv6(7), RFC 6437, and linux/in6.h, which defines the calls.
extension System {
    /// Leases a flow label for packets to a destination and makes connect(2) use the label in the
    /// address that it gets: setsockopt(2) with `IPV6_FLOWLABEL_MGR` and `IPV6_FLOWINFO_SEND`.
    ///
    /// Several sockets may lease the same label. The lease ends when the socket is closed.
    static func leaseFlowLabel(
        _ descriptor: Int32, _ label: UInt32, to destination: RawSocketAddress
    ) throws(Errno) {
        guard case .ipv6(let high, let low, _, _) = destination.content else {
            throw .addressFamilyNotSupported
        }
        // For 0, the kernel would lease a label of its own choice.
        guard label > 0 else { throw .invalidArgument }
        let bytes = (high.bigEndian, low.bigEndian)
        _ = try systemCall(.setsockopt) {
            withUnsafeBytes(of: bytes) {
                csockets_lease_flow_label(descriptor, label, $0.baseAddress)
            }
        }
        try setOption(descriptor, .sendsFlowLabel, 1)
    }

    /// Returns the leased flow label with which a socket is connected, or `nil` if there is none:
    /// getsockopt(2) with `IPV6_FLOWLABEL_MGR`.
    static func flowLabel(_ descriptor: Int32) throws(Errno) -> UInt32? {
        var label: UInt32 = 0
        do throws(Errno) {
            _ = try systemCall(.getsockopt) { csockets_flow_label(descriptor, &label) }
        } catch {
            guard error == .noSuchFileOrDirectory else { throw error }
            return nil
        }
        return label
    }
}
