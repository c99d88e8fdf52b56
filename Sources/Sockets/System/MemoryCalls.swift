internal import Glibc

extension System {
    /// Returns the offset of the first byte that equals `byte`: memchr(3).
    ///
    /// The call is tens of times faster than a loop.
    @inline(__always)
    static func memchr(_ byte: UInt8, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress,
            let found = Glibc.memchr(start, Int32(byte), bytes.count)
        else { return nil }
        return UnsafeRawPointer(found) - start
    }
}
