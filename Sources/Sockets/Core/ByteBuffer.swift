/// Bytes between the kernel and a stream's user: written at the end, taken from the front.
///
/// It owns its memory, so that what is taken can be lent without copying, and it grows when
/// someone asks for more than it holds.
struct ByteBuffer: ~Copyable {
    // Safe: the memory is this value's own, allocated and freed here, and the bytes between
    // `start` and `end` are initialized.
    private var memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private let usualCapacity: Int

    /// - Parameter capacity: the usual size; kept between one byte and what is worth allocating.
    init(capacity: Int) {
        usualCapacity = min(max(1, capacity), 1 << 26)
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit { memory.deallocate() }

    var count: Int { end - start }
    var isEmpty: Bool { start == end }

    /// What is in the buffer. Valid until the buffer is written to.
    @inline(__always)
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start..<end])
    }

    /// Takes bytes from the front; they stay in memory until the buffer is written to.
    @inline(__always)
    mutating func consume(_ count: Int) {
        start += count
    }

    /// How many bytes can be written without growing beyond the usual size.
    var usualRoom: Int { usualCapacity - count }

    /// The part to write to, at least `least` bytes of it; `written` says how many were.
    mutating func room(atLeast least: Int) -> UnsafeMutableRawBufferPointer {
        if start == end {
            (start, end) = (0, 0)
            trim()
        }
        if memory.count - end < least { makeRoom(least) }
        return UnsafeMutableRawBufferPointer(rebasing: memory[end...])
    }

    /// Gives memory back: a long line or a large block need not stay in memory for ever.
    mutating func trim() {
        if isEmpty, memory.count > 4 * usualCapacity { resize(to: usualCapacity) }
    }

    /// Adds what has been written into `room`.
    mutating func written(_ count: Int) {
        end += count
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        room(atLeast: bytes.count).copyMemory(from: bytes)
        written(bytes.count)
    }

    /// Moves the bytes to the front, into larger memory if need be.
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
