internal import CSockets
internal import Glibc
package import SystemPackage

/// The flags of one transfer. `MSG_NOSIGNAL` is not among them: every send has it.
struct TransferFlags: OptionSet {
    let rawValue: Int32

    /// The call does not wait, whatever the descriptor's mode.
    static let dontWait = TransferFlags(rawValue: Int32(MSG_DONTWAIT))
    /// What is read stays to be read again.
    static let peek = TransferFlags(rawValue: Int32(MSG_PEEK))
    /// The count is the datagram's own, even where the buffer was too small for it. Not for streams:
    /// TCP takes it for the wish to throw the bytes away (tcp(7)).
    static let fullLength = TransferFlags(rawValue: Int32(MSG_TRUNC))
}

/// One descriptor that poll(2) watches, and what it found.
package struct PollRequest {
    package var descriptor: Int32
    package var isForWriting: Bool
    package var isReady: Bool

    package init(descriptor: Int32, isForWriting: Bool, isReady: Bool = false) {
        self.descriptor = descriptor
        self.isForWriting = isForWriting
        self.isReady = isReady
    }
}

extension System {
    /// recv(2); 0 is the end of a stream or an empty datagram.
    @inline(__always)
    static func recv(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ flags: TransferFlags
    ) throws(Errno) -> Int {
        #if DEBUG
            if let kernel = Simulation.kernel { return try kernel.receive(descriptor, buffer) }
        #endif
        return try transferCall(.recv, buffer.count, onInterrupt: .report) { count in
            Glibc.recv(descriptor, buffer.baseAddress, count, flags.rawValue)
        }
    }

    /// recvfrom(2); with `fullLength` the count may be more than the buffer holds.
    static func recvfrom(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ flags: TransferFlags
    ) throws(Errno) -> (count: Int, sender: RawSocketAddress) {
        var sender = RawSocketAddress()
        let count = try systemCall(.recvfrom, onInterrupt: .report) {
            sender.withRoom { address, length in
                Glibc.recvfrom(
                    descriptor, buffer.baseAddress, buffer.count,
                    flags.rawValue, address, length)
            }
        }
        return (count, sender)
    }

    /// How many bytes of a stream one call takes where a limit may end meanwhile, or others have to
    /// have their turn.
    ///
    /// While the peer keeps up, one call goes on until it has sent all it was given, and the kernel's
    /// own limit (`SO_SNDTIMEO`) counts only the time in which it waits: without this, 1 GiB under a
    /// limit of 100 ms takes 300 ms.
    static let mostAtOnce = 1 << 20

    /// send(2) with `MSG_NOSIGNAL`: a peer that has gone is an error, not the end of the program.
    @inline(__always)
    static func send(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ flags: TransferFlags
    ) throws(Errno) -> Int {
        #if DEBUG
            if let kernel = Simulation.kernel { return try kernel.send(descriptor, bytes) }
        #endif
        return try transferCall(.send, bytes.count, onInterrupt: .report) { count in
            Glibc.send(descriptor, bytes.baseAddress, count, flags.rawValue | Int32(MSG_NOSIGNAL))
        }
    }

    /// sendto(2) with `MSG_NOSIGNAL`.
    static func sendto(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ flags: TransferFlags,
        _ address: RawSocketAddress
    ) throws(Errno) -> Int {
        try systemCall(.sendto, onInterrupt: .report) {
            address.withAddress { address, length in
                Glibc.sendto(
                    descriptor, bytes.baseAddress, bytes.count,
                    flags.rawValue | Int32(MSG_NOSIGNAL), address, length)
            }
        }
    }

    /// How many pieces one sendmsg(2) takes at most; the kernel's own limit is 1024.
    static let vectorLimit = 64

    /// sendmsg(2) with `MSG_NOSIGNAL`: the pieces go out as one run of bytes, or one datagram.
    ///
    /// The first `skipped` bytes of the first piece have gone already, and no more than `most` go.
    static func sendmsg(
        _ descriptor: Int32, _ parts: ArraySlice<[UInt8]>, skipping skipped: Int,
        atMost most: Int, _ flags: TransferFlags
    ) throws(Errno) -> Int {
        var vectors: [iovec] = []
        vectors.reserveCapacity(min(parts.count, vectorLimit))
        var outcome: Result<Int, Errno> = .success(0)
        // Each piece's bytes are guaranteed to stay in place only inside its own closure, so the
        // closures are nested, and the call is made in the innermost.
        func descend(_ parts: ArraySlice<[UInt8]>, _ skipped: Int) {
            // Passed over here and not by descending: there may be more of them than fit the stack.
            let rest = parts.drop { $0.isEmpty }
            guard let first = rest.first, vectors.count < vectorLimit else {
                outcome = call(descriptor, &vectors, atMost: most, flags)
                return
            }
            first.withUnsafeBytes { bytes in
                let piece = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
                if !piece.isEmpty {
                    vectors.append(
                        iovec(
                            iov_base: UnsafeMutableRawPointer(mutating: piece.baseAddress),
                            iov_len: piece.count))
                }
                descend(rest.dropFirst(), 0)
            }
        }
        descend(parts, skipped)
        return try outcome.get()
    }

    private static func call(
        _ descriptor: Int32, _ vectors: inout [iovec], atMost most: Int, _ flags: TransferFlags
    ) -> Result<Int, Errno> {
        vectors.withUnsafeMutableBufferPointer { vectors in
            Result { () throws(Errno) -> Int in
                let total = vectors.reduce(0) { $0 + $1.iov_len }
                #if DEBUG
                    if let kernel = Simulation.kernel, let first = vectors.first {
                        let bytes = UnsafeRawBufferPointer(
                            start: first.iov_base, count: first.iov_len)
                        return try kernel.send(descriptor, bytes)
                    }
                #endif
                let count = min(total, most)
                return try transferCall(.sendmsg, count, onInterrupt: .report) { most in
                    shorten(vectors, by: total - most)
                    var message = msghdr()
                    message.msg_iov = vectors.baseAddress
                    message.msg_iovlen = vectors.count
                    return Glibc.sendmsg(descriptor, &message, flags.rawValue | Int32(MSG_NOSIGNAL))
                }
            }
        }
    }

    /// Takes `excess` bytes off the end.
    private static func shorten(_ vectors: UnsafeMutableBufferPointer<iovec>, by excess: Int) {
        var excess = excess
        for index in vectors.indices.reversed() where excess > 0 {
            let taken = min(excess, vectors[index].iov_len)
            vectors[index].iov_len -= taken
            excess -= taken
        }
    }

    /// poll(2): waits until one of the descriptors is ready, at most `milliseconds`, −1 for ever.
    ///
    /// A descriptor with an error or a hang-up counts as ready: the next call on it tells what is up.
    /// An interruption by a signal returns with nothing ready.
    package static func poll(_ requests: inout [PollRequest], milliseconds: Int32) throws(Errno) {
        var entries = requests.map { request in
            pollfd(
                fd: request.descriptor,
                events: Int16(request.isForWriting ? POLLOUT : POLLIN), revents: 0)
        }
        for index in requests.indices { requests[index].isReady = false }
        do throws(Errno) {
            _ = try systemCall(.poll, onInterrupt: .report) {
                Glibc.poll(&entries, nfds_t(entries.count), milliseconds)
            }
        } catch .interrupted {
            return
        }
        for index in requests.indices { requests[index].isReady = entries[index].revents != 0 }
    }
}
