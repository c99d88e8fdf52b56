/// A buffer of stream bytes, which are appended at the end and consumed at the front.
///
/// It owns its memory, so callers can borrow the bytes without copying them. It grows if a read
/// requests more than the usual capacity.
struct ByteBuffer: ~Copyable {
    // Safe because this value owns the memory, and the bytes between `start` and `end` are
    // initialized.
    private var memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private let usualCapacity: Int

    /// Creates an empty buffer.
    ///
    /// - Parameter capacity: The usual capacity in bytes, clamped to between 1 byte and 64 MiB.
    init(capacity: Int) {
        usualCapacity = min(max(1, capacity), 1 << 26)
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit { memory.deallocate() }

    var count: Int { end - start }
    var isEmpty: Bool { start == end }

    /// The bytes in the buffer.
    ///
    /// They are valid until the next write to the buffer.
    @inline(__always)
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start..<end])
    }

    /// Consumes `count` bytes at the front.
    ///
    /// Their memory stays valid until the next write to the buffer.
    @inline(__always)
    mutating func consume(_ count: Int) { start += count }

    /// Moves bytes from the front to the beginning of other memory, and returns their number.
    mutating func take(into memory: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(memory.count, count)
        memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        consume(count)
        return count
    }

    /// The number of bytes that can be written without growing beyond the usual capacity.
    var usualRoom: Int { usualCapacity - count }

    /// Returns the free memory at the end, which is at least `least` bytes long.
    ///
    /// After filling it, call `written` with the number of bytes.
    mutating func room(atLeast least: Int) -> UnsafeMutableRawBufferPointer {
        if start == end {
            (start, end) = (0, 0)
            trim()
        }
        if memory.count - end < least { makeRoom(least) }
        return UnsafeMutableRawBufferPointer(rebasing: memory[end...])
    }

    /// Shrinks an empty buffer that grew for a long line or a large block.
    mutating func trim() {
        if isEmpty, memory.count > 4 * usualCapacity { resize(to: usualCapacity) }
    }

    /// Releases the memory of an empty buffer.
    mutating func giveBack() {
        guard isEmpty, memory.count > 0 else { return }
        memory.deallocate()
        (memory, start, end) = (UnsafeMutableRawBufferPointer(start: nil, count: 0), 0, 0)
    }

    /// Adds `count` bytes, which the caller wrote into `room`, to the contents.
    mutating func written(_ count: Int) { end += count }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        room(atLeast: bytes.count).copyMemory(from: bytes)
        written(bytes.count)
    }

    /// Inserts bytes at the front.
    mutating func prepend(_ bytes: UnsafeRawBufferPointer) {
        if start < bytes.count { makeRoomInFront(bytes.count) }
        start -= bytes.count
        UnsafeMutableRawBufferPointer(rebasing: memory[start...]).copyMemory(from: bytes)
    }

    /// Moves the bytes to the end of the memory, or to the end of larger memory if there is too
    /// little space.
    ///
    /// All free memory is then in front, so a loop of small `prepend` calls moves the bytes rarely.
    private mutating func makeRoomInFront(_ least: Int) {
        let needed = least + count
        if needed > memory.count { resize(to: max(usualCapacity, needed, 2 * memory.count)) }
        let front = memory.count - count
        UnsafeMutableRawBufferPointer(rebasing: memory[front...]).copyMemory(from: bytes)
        (start, end) = (front, memory.count)
    }

    /// Moves the bytes to the front of the memory, or into larger memory if there is too little
    /// space.
    private mutating func makeRoom(_ least: Int) {
        let needed = count + least
        if needed <= memory.count {
            memory.copyMemory(from: bytes)
            (start, end) = (0, count)
        } else {
            resize(to: max(usualCapacity, needed, 2 * memory.count))
        }
    }

    private mutating func resize(to capacity: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: bytes)
        memory.deallocate()
        (memory, start, end) = (larger, 0, count)
    }
}
