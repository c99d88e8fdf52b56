import Testing

@testable import Sockets

@Suite("ByteBuffer", .ownThread)
struct ByteBufferTests {
    /// The content of the buffer as an array, because `#expect` cannot capture a noncopyable value.
    private func content(_ buffer: borrowing ByteBuffer) -> [UInt8] { [UInt8](buffer.bytes) }

    private func append(_ bytes: [UInt8], to buffer: inout ByteBuffer) {
        bytes.withUnsafeBytes { buffer.append($0) }
    }

    /// Writes `bytes` into the memory that `room(atLeast:)` returns, and returns the size of that
    /// memory.
    private func write(
        _ bytes: [UInt8], atLeast least: Int, to buffer: inout ByteBuffer
    ) -> Int {
        let room = buffer.room(atLeast: least)
        room.copyBytes(from: bytes)
        buffer.written(bytes.count)
        return room.count
    }

    @Test("a new buffer is empty and has free space for its capacity")
    func empty() {
        let buffer = ByteBuffer(capacity: 8)
        let (count, isEmpty, room) = (buffer.count, buffer.isEmpty, buffer.usualRoom)
        #expect(count == 0)
        #expect(isEmpty)
        #expect(room == 8)
        #expect(content(buffer) == [])
    }

    @Test("consume removes bytes in the order of append")
    func order() {
        var buffer = ByteBuffer(capacity: 8)
        append([1, 2, 3], to: &buffer)
        buffer.consume(1)
        append([4, 5], to: &buffer)
        #expect(content(buffer) == [2, 3, 4, 5])
        let room = buffer.usualRoom
        #expect(room == 4)
        buffer.consume(4)
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
    }

    @Test("only the bytes that were reported to written(_:) become content")
    func partlyWritten() {
        var buffer = ByteBuffer(capacity: 8)
        let room = write([7], atLeast: 5, to: &buffer)
        #expect(room >= 5)
        #expect(content(buffer) == [7])
    }

    @Test("appending zero bytes leaves the buffer empty")
    func appendNothing() {
        var buffer = ByteBuffer(capacity: 8)
        append([], to: &buffer)
        buffer.append(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(content(buffer) == [])
    }

    @Test("the buffer grows beyond its capacity and keeps its bytes")
    func growth() {
        var buffer = ByteBuffer(capacity: 4)
        append([1, 2, 3], to: &buffer)
        let many = [UInt8](repeating: 9, count: 1000)
        append(many, to: &buffer)
        #expect(content(buffer) == [1, 2, 3] + many)
        let room = buffer.usualRoom
        #expect(room < 0)
    }

    @Test("room(atLeast:) shifts the content to the front of the memory without loss")
    func movingToTheFront() {
        var buffer = ByteBuffer(capacity: 8)
        append([1, 2, 3, 4, 5, 6, 7, 8], to: &buffer)
        buffer.consume(6)
        let room = write([9, 10], atLeast: 4, to: &buffer)
        // The memory is the same and contains two bytes, so six bytes are free.
        #expect(room == 6)
        #expect(content(buffer) == [7, 8, 9, 10])
    }

    @Test("an emptied buffer frees memory that is much larger than its capacity")
    func shrinking() {
        var buffer = ByteBuffer(capacity: 8)
        append([UInt8](repeating: 1, count: 1000), to: &buffer)
        buffer.consume(999)
        let before = buffer.room(atLeast: 1).count
        #expect(before > 8)
        buffer.consume(1)
        let after = buffer.room(atLeast: 1).count
        #expect(after == 8)
    }

    @Test("an emptied buffer keeps memory that is slightly larger than its capacity")
    func keptMemory() {
        var buffer = ByteBuffer(capacity: 8)
        append([UInt8](repeating: 1, count: 32), to: &buffer)
        buffer.consume(32)
        let room = buffer.room(atLeast: 1).count
        #expect(room == 32)
    }

    @Test(
        "a requested capacity is clamped to the range from 1 byte to 64 MiB",
        arguments: [(Int.min, 1), (-1, 1), (0, 1), (1, 1), (65536, 65536), (.max, 1 << 26)])
    func capacities(requested: Int, expected: Int) {
        var buffer = ByteBuffer(capacity: requested)
        let room = buffer.usualRoom
        #expect(room == expected)
        append([1, 2], to: &buffer)
        #expect(content(buffer) == [1, 2])
    }

    @Test("10,000 random calls of append, prepend and consume give the same content as an array")
    func randomSteps() {
        var generator = SeededGenerator(seed: 1)
        var buffer = ByteBuffer(capacity: 16)
        var model: [UInt8] = []
        var next: UInt8 = 0
        for _ in 0..<10_000 {
            let count = Int.random(in: 0...40, using: &generator)
            if Bool.random(using: &generator) {
                let bytes = (0..<count).map { next &+ UInt8($0) }
                next &+= UInt8(count)
                if Int.random(in: 0..<8, using: &generator) == 0 {
                    prepend(bytes, to: &buffer)
                    model.insert(contentsOf: bytes, at: 0)
                } else {
                    append(bytes, to: &buffer)
                    model += bytes
                }
            } else {
                let taken = min(count, model.count)
                buffer.consume(taken)
                model.removeFirst(taken)
            }
            guard content(buffer) == model else {
                Issue.record("the buffer differs from \(model)")
                return
            }
        }
    }

    @Test("prepend inserts bytes in front, into free memory, by moving bytes, and by growing")
    func prepend() {
        var buffer = ByteBuffer(capacity: 8)
        prepend([], to: &buffer)
        #expect(content(buffer) == [])
        prepend([3, 4], to: &buffer)
        #expect(content(buffer) == [3, 4])
        prepend([2], to: &buffer)
        #expect(content(buffer) == [2, 3, 4])
        buffer.consume(1)
        prepend([1], to: &buffer)
        #expect(content(buffer) == [1, 3, 4])
        append([5, 6, 7, 8, 9], to: &buffer)
        prepend([0], to: &buffer)
        #expect(content(buffer) == [0, 1, 3, 4, 5, 6, 7, 8, 9])
        append([10], to: &buffer)
        #expect(content(buffer) == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10])
    }

    @Test("many small prepend calls rarely move the existing bytes")
    func prependLoop() {
        var buffer = ByteBuffer(capacity: 64)
        append([UInt8](repeating: 1, count: 64), to: &buffer)
        var addresses: Set<Int> = []
        for _ in 0..<1000 {
            prepend([2], to: &buffer)
            addresses.insert(Int(bitPattern: buffer.bytes.baseAddress) + buffer.count)
        }
        // The memory doubles: 128, 256, 512, 1024 and 2048 bytes.
        #expect(addresses.count <= 5)
        let expected = [UInt8](repeating: 2, count: 1000) + [UInt8](repeating: 1, count: 64)
        #expect(content(buffer) == expected)
    }

    private func prepend(_ bytes: [UInt8], to buffer: inout ByteBuffer) {
        bytes.withUnsafeBytes { buffer.prepend($0) }
    }
}
