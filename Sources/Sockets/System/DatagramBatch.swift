internal import CSockets
internal import Glibc

/// A datagram in the memory of a batch, which recvmmsg(2) has filled.
struct ReceivedDatagram {
    /// The data, valid until the batch is filled again.
    let bytes: UnsafeRawBufferPointer
    /// The size of the datagram, even if the buffer was too small for it.
    let originalCount: Int
    let sender: RawSocketAddress
    /// The local address to which the datagram was sent, or `nil` if `System.enablePacketInfo` was
    /// not called.
    let local: PacketAddress?
}

/// The Internet datagrams of one recvmmsg(2) call, which ``next()`` returns one by one.
///
/// One call for many datagrams costs less than one call for each datagram. If a call returns fewer
/// than ``capacity`` datagrams, the kernel's queue is empty, so the caller need not make another
/// call to detect this.
struct DatagramBatch: ~Copyable {
    // Safe: this value owns the memory, and the vectors point into that memory. The kernel writes
    // at most as many bytes as the vectors specify.
    private var memory: Memory?
    private var count = 0
    private var taken = 0

    /// The largest number of datagrams that one call returns.
    static let capacity = 16
    /// The size of one datagram's buffer, which is enough because UDP's length field has 16 bits
    /// (RFC 768).
    private static let datagramCapacity = 65536
    /// The size of a buffer for control data, which is large enough for `IP_PKTINFO` and
    /// `IPV6_PKTINFO` together.
    private static let controlCapacity = 256

    private struct Memory {
        let messages = UnsafeMutablePointer<csockets_datagram>.allocate(capacity: capacity)
        let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: capacity)
        let names = UnsafeMutablePointer<sockaddr_storage>.allocate(capacity: capacity)
        let control = UnsafeMutableRawPointer.allocate(
            byteCount: capacity * controlCapacity, alignment: MemoryLayout<cmsghdr>.alignment)
        // The block is so large that malloc maps it, so a page uses no memory before the kernel
        // writes to it.
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

        /// Restores the sizes of the buffers, which the kernel overwrites with the sizes that it
        /// has used.
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

    /// A Boolean value that indicates whether all datagrams have been taken.
    @inline(__always)
    var isEmpty: Bool { taken == count }

    /// Takes the oldest datagram; returns `nil` if all datagrams have been taken.
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
                storage: memory.names[index], length: memory.messages[index].message.msg_namelen),
            local: isTold ? System.address(in: info) : nil)
    }

    /// Calls `body`, which fills the buffers and returns the number of datagrams or −1.
    ///
    /// Datagrams that have not been taken are lost.
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
