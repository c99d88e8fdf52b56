/// The format of the integer at the start of a frame, which says how many bytes follow it.
///
/// ```swift
/// while let frame = try await connection.readFrame(length: .uint32(limit: 1 << 20)) {
///     try await connection.writeFrame(frame, length: .uint32())
/// }
/// ```
public struct FrameLength: Hashable, Sendable {
    /// The maximum number of bytes in a frame, without the integer at its start.
    ///
    /// It is at least 0, and at most the largest value of that integer. Limits outside this range
    /// are replaced by the nearest value inside it.
    public let limit: Int
    // One byte is enough, and each task that waits for a message stores a copy of this value.
    private let storedWidth: UInt8
    let byteOrder: ByteOrder

    /// The number of bytes of the integer.
    var width: Int { Int(storedWidth) }

    private init<Length: FixedWidthInteger>(
        _ type: Length.Type, _ order: ByteOrder, _ limit: Int
    ) {
        let width = type.bitWidth / 8
        storedWidth = UInt8(width)
        byteOrder = order
        // The size of the largest frame, which is the width plus the limit, must fit into an `Int`.
        self.limit = min(max(0, limit), Int(clamping: type.max), .max - width)
    }

    /// A length of one byte.
    ///
    /// - Parameter limit: The maximum number of bytes after the length, at most 255.
    /// - Returns: The length.
    public static func uint8(limit: Int = 255) -> FrameLength {
        FrameLength(UInt8.self, .bigEndian, limit)
    }

    /// A length of two bytes.
    ///
    /// - Parameters:
    ///   - byteOrder: The order of the two bytes.
    ///   - limit: The maximum number of bytes after the length, at most 65,535.
    /// - Returns: The length.
    public static func uint16(
        _ byteOrder: ByteOrder = .bigEndian, limit: Int = 65_535
    ) -> FrameLength {
        FrameLength(UInt16.self, byteOrder, limit)
    }

    /// A length of four bytes.
    ///
    /// - Parameters:
    ///   - byteOrder: The order of the four bytes.
    ///   - limit: The maximum number of bytes after the length, 16 MiB by default. It limits the
    ///     memory that a peer can fill.
    /// - Returns: The length.
    public static func uint32(
        _ byteOrder: ByteOrder = .bigEndian, limit: Int = 16 << 20
    ) -> FrameLength {
        FrameLength(UInt32.self, byteOrder, limit)
    }

    /// A length of eight bytes.
    ///
    /// - Parameters:
    ///   - byteOrder: The order of the eight bytes.
    ///   - limit: The maximum number of bytes after the length, 16 MiB by default. It limits the
    ///     memory that a peer can fill.
    /// - Returns: The length.
    public static func uint64(
        _ byteOrder: ByteOrder = .bigEndian, limit: Int = 16 << 20
    ) -> FrameLength {
        FrameLength(UInt64.self, byteOrder, limit)
    }

    /// Returns the size of the frame that begins with `bytes`, including the integer.
    ///
    /// The result is `needsMore` while the integer is incomplete, and a failure if its value
    /// exceeds the limit.
    func size(of bytes: UnsafeRawBufferPointer) -> ParseResult<Int> {
        guard bytes.count >= width else { return .needsMore }
        let length = UInt64(bytes[..<width], byteOrder)
        guard length <= limit else { return .failed(.tooLarge(limit: limit)) }
        return .message(width + Int(length))
    }

    /// Returns the two parts of a frame, which are the integer and the payload.
    ///
    /// Returns `nil` if the payload exceeds the limit.
    func frame(_ payload: [UInt8]) -> [[UInt8]]? {
        guard payload.count <= limit else { return nil }
        let bytes = UInt64(payload.count).bytes(.bigEndian).suffix(width)
        return [byteOrder == .bigEndian ? Array(bytes) : bytes.reversed(), payload]
    }
}
