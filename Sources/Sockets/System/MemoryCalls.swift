internal import Glibc

extension System {
    /// memchr(3), which is tens of times as fast as a loop: the offset of the first such byte.
    @inline(__always)
    static func memchr(_ byte: UInt8, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress,
            let found = Glibc.memchr(start, Int32(byte), bytes.count)
        else { return nil }
        return UnsafeRawPointer(found) - start
    }
}
