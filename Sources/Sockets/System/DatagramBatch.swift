internal import CSockets
internal import Glibc

/// One datagram where recvmmsg(2) has put it.
struct ReceivedDatagram {
    /// Valid until the batch is filled again.
    let bytes: UnsafeRawBufferPointer
    /// How many bytes the datagram had, whether or not there was room for them.
    let originalCount: Int
    let sender: RawSocketAddress
    /// The address of ours that it came to, where `System.enablePacketInfo` was called.
    let local: PacketAddress?
}

/// Internet datagrams that one recvmmsg(2) has brought, until they are taken one by one.
///
/// One call for many costs less than one for each. And a call that brings fewer than it could has
/// found the kernel's queue empty, which would take a call of its own otherwise.
struct DatagramBatch: ~Copyable {
    // Safe: the memory is this value's own, and the vectors in it point into it. The kernel writes
    // no more than it was told there is room for.
    private var memory: Memory?
    private var count = 0
    private var taken = 0

    /// How many datagrams one call brings at most.
    static let capacity = 16
    /// The length field of UDP counts 16 bits (RFC 768).
    private static let datagramCapacity = 65536
    /// More than the two kinds of packet information take together.
    private static let controlCapacity = 256

    private struct Memory {
        let messages = UnsafeMutablePointer<csockets_datagram>.allocate(capacity: capacity)
        let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: capacity)
        let names = UnsafeMutablePointer<sockaddr_storage>.allocate(capacity: capacity)
        let control = UnsafeMutableRawPointer.allocate(
            byteCount: capacity * controlCapacity, alignment: MemoryLayout<cmsghdr>.alignment)
        // So much that it is mapped, and nothing of it is there before it is written to.
        let bytes = UnsafeMutableRawPointer.allocate(
            byteCount: capacity * datagramCapacity, alignment: 16)

        init() {
            for index in 0..<capacity {
                (vectors + index).initialize(
                    to: iovec(
                        iov_base: bytes + index * datagramCapacity, iov_len: datagramCapacity))
                (messages + index).initialize(to: csockets_datagram())
                messages[index].message.msg_iov = vectors + index
                messages[index].message.msg_iovlen = 1
                messages[index].message.msg_name = UnsafeMutableRawPointer(names + index)
                messages[index].message.msg_control = control + index * controlCapacity
                offerRoom(index)
            }
        }

        /// The kernel writes how much it used over how much there was.
        func offerRoom(_ index: Int) {
            messages[index].message.msg_namelen = socklen_t(MemoryLayout<sockaddr_storage>.size)
            messages[index].message.msg_controllen = controlCapacity
        }

        func deallocate() {
            messages.deallocate()
            vectors.deallocate()
            names.deallocate()
            control.deallocate()
            bytes.deallocate()
        }
    }

    deinit { memory?.deallocate() }

    /// Whether all have been taken.
    @inline(__always)
    var isEmpty: Bool { taken == count }

    /// Takes the datagram that came first; nil if all have been taken.
    @inline(__always)
    mutating func next() -> ReceivedDatagram? {
        guard taken < count, let memory else { return nil }
        let index = taken
        taken += 1
        let length = Int(memory.messages[index].length)
        var info = csockets_packet_info()
        let isTold = csockets_read_packet_info(&memory.messages[index].message, &info) != 0
        return ReceivedDatagram(
            bytes: UnsafeRawBufferPointer(
                start: memory.bytes + index * Self.datagramCapacity,
                count: min(length, Self.datagramCapacity)),
            originalCount: length,
            sender: RawSocketAddress(
                storage: memory.names[index],
                length: memory.messages[index].message.msg_namelen),
            local: isTold ? System.address(in: info) : nil)
    }

    /// Lends the room for datagrams to a call that fills it and tells how many there are; those that
    /// have not been taken are lost.
    @inline(__always)
    mutating func fill(_ body: (UnsafeMutablePointer<csockets_datagram>) -> Int32) -> Int32 {
        let memory = memory ?? Memory()
        self.memory = memory
        for index in 0..<count { memory.offerRoom(index) }
        taken = 0
        let result = body(memory.messages)
        count = max(0, Int(result))
        return result
    }
}
