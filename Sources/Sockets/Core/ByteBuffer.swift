/// Bytes between the kernel and the user of a stream, appended at the end and consumed at the
/// front.
///
/// It owns its memory, so that its bytes can be borrowed without copying. It grows if a read asks
/// for more than its usual capacity.
struct ByteBuffer: ~Copyable {
    // Safe: this value owns the memory, and the bytes between `start` and `end` are initialized.
    private var memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private let usualCapacity: Int

    /// - Parameter capacity: The usual capacity. It is limited to 1 byte up to 64 MiB.
    init(capacity: Int) {
        usualCapacity = min(max(1, capacity), 1 << 26)
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit { memory.deallocate() }

    var count: Int { end - start }
    var isEmpty: Bool { start == end }

    /// The bytes in the buffer.
    ///
    /// They are valid until the buffer is written to.
    @inline(__always)
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start..<end])
    }

    /// Consumes bytes at the front.
    ///
    /// They stay in memory until the buffer is written to.
    @inline(__always)
    mutating func consume(_ count: Int) {
        start += count
    }

    /// The number of bytes that can be written without growing beyond the usual capacity.
    var usualRoom: Int { usualCapacity - count }

    /// Returns the free part, at least `least` bytes.
    ///
    /// `written` says how many of them were written.
    mutating func room(atLeast least: Int) -> UnsafeMutableRawBufferPointer {
        if start == end {
            (start, end) = (0, 0)
            trim()
        }
        if memory.count - end < least { makeRoom(least) }
        return UnsafeMutableRawBufferPointer(rebasing: memory[end...])
    }

    /// Frees extra memory, so that a long line or a large block does not stay in memory.
    mutating func trim() {
        if isEmpty, memory.count > 4 * usualCapacity { resize(to: usualCapacity) }
    }

    /// Appends the bytes that were written into `room`.
    mutating func written(_ count: Int) {
        end += count
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        room(atLeast: bytes.count).copyMemory(from: bytes)
        written(bytes.count)
    }

    /// Moves the bytes to the front, and into larger memory if needed.
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
