import Testing

@testable import Sockets

@Suite("memchr", .ownThread)
struct MemoryCallsTests {
    private func find(_ byte: UInt8, in bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { System.memchr(byte, in: $0) }
    }

    @Test("memchr returns the offset of the first match, or nil")
    func first() {
        #expect(find(10, in: [1, 10, 2, 10]) == 1)
        #expect(find(10, in: [10]) == 0)
        #expect(find(10, in: [1, 2, 3]) == nil)
        #expect(find(0xFF, in: [0x7F, 0xFF]) == 1)
        #expect(find(0, in: [1, 0]) == 1)
    }

    @Test("memchr returns nil for an empty buffer")
    func empty() {
        #expect(find(10, in: []) == nil)
        #expect(System.memchr(10, in: UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
    }

    @Test("memchr does not search beyond the end of the buffer")
    func behindTheEnd() {
        let bytes: [UInt8] = [1, 2, 10]
        let found = bytes.withUnsafeBytes {
            System.memchr(10, in: UnsafeRawBufferPointer(rebasing: $0[..<2]))
        }
        #expect(found == nil)
    }
}
