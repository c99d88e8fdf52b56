/// The order of the bytes of an integer in a message.
public enum ByteOrder: Hashable, Sendable {
    /// The most significant byte comes first, which RFC 1700 calls network byte order.
    case bigEndian
    /// The least significant byte comes first.
    case littleEndian
}

extension FixedWidthInteger {
    /// Creates an integer from bytes in this order.
    ///
    /// If there are fewer bytes than the integer has, the missing high-order bytes are zero.
    init(_ bytes: some BidirectionalCollection<UInt8>, _ order: ByteOrder) {
        let shifted = { (value: Self, byte: UInt8) in value << 8 | Self(truncatingIfNeeded: byte) }
        self =
            switch order {
            case .bigEndian: bytes.reduce(0, shifted)
            case .littleEndian: bytes.reversed().reduce(0, shifted)
            }
    }

    /// Returns the bytes of the integer in this order.
    func bytes(_ order: ByteOrder) -> [UInt8] {
        let bytes = stride(from: 0, to: Self.bitWidth, by: 8).map {
            UInt8(truncatingIfNeeded: self >> $0)
        }
        return order == .littleEndian ? bytes : bytes.reversed()
    }
}
