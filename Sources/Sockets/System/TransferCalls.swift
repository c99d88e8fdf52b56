internal import CSockets
internal import Glibc
package import SystemPackage

/// The flags of a transfer.
///
/// Every call that sends adds `MSG_NOSIGNAL`.
struct TransferFlags: OptionSet {
    let rawValue: Int32

    /// The call does not wait, whatever the descriptor's mode is.
    static let dontWait = TransferFlags(rawValue: Int32(MSG_DONTWAIT))
    /// The bytes stay in the queue for the next read.
    static let peek = TransferFlags(rawValue: Int32(MSG_PEEK))
    /// The returned count is the datagram's size, even if the buffer was too small.
    ///
    /// Do not use it for streams, because TCP then discards the bytes (tcp(7)).
    static let fullLength = TransferFlags(rawValue: Int32(MSG_TRUNC))
}

/// A descriptor for poll(2) to watch, and the result.
package struct PollRequest {
    /// The event for which the request waits.
    ///
    /// An error or a hang-up of the descriptor also ends the wait.
    package enum Event {
        case readable, writable
        /// The peer has half-closed or closed the connection: `POLLRDHUP`.
        case peerEnd
        /// No event except an error or a hang-up.
        case failure
    }

    package var descriptor: Int32
    package var event: Event
    package var isReady: Bool

    package init(descriptor: Int32, isForWriting: Bool, isReady: Bool = false) {
        self.init(descriptor: descriptor, isForWriting ? .writable : .readable)
        self.isReady = isReady
    }

    package init(descriptor: Int32, _ event: Event) {
        self.descriptor = descriptor
        self.event = event
        isReady = false
    }

    fileprivate var events: Int16 {
        switch event {
        case .readable: Int16(POLLIN)
        case .writable: Int16(POLLOUT)
        case .peerEnd: csockets_peer_has_ended
        case .failure: 0
        }
    }
}

extension System {
    /// Receives bytes or one datagram: recv(2).
    ///
    /// Returns 0 for the end of a stream and for an empty datagram.
    @inline(__always)
    static func recv(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ flags: TransferFlags
    ) throws(Errno) -> Int {
        if let kernel = Simulation.kernel { return try kernel.receive(descriptor, buffer) }
        return try transferCall(.recv, buffer.count, onInterrupt: .report) { count in
            Glibc.recv(descriptor, buffer.baseAddress, count, flags.rawValue)
        }
    }

    /// Receives bytes or one datagram, and the sender's address: recvfrom(2).
    ///
    /// With `fullLength`, the count may be larger than the buffer.
    static func recvfrom(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ flags: TransferFlags
    ) throws(Errno) -> (count: Int, sender: RawSocketAddress) {
        var sender = RawSocketAddress()
        let count = try systemCall(.recvfrom, onInterrupt: .report) {
            sender.withRoom { address, length in
                Glibc.recvfrom(
                    descriptor, buffer.baseAddress, buffer.count, flags.rawValue, address, length)
            }
        }
        return (count, sender)
    }

    /// The largest number of bytes that one call sends on a stream, if there is a time limit or if
    /// other connections need a turn.
    ///
    /// The kernel's time limit (`SO_SNDTIMEO`) includes only the time that the kernel waits. So
    /// while the peer keeps up, a call continues until all of its bytes are sent. If one call sent
    /// everything, 1 GiB with a time limit of 100 ms would take 300 ms.
    static let mostAtOnce = 1 << 20

    /// Sends bytes or one datagram: send(2) with `MSG_NOSIGNAL`, so that a closed connection is an
    /// error and does not end the program.
    @inline(__always)
    static func send(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ flags: TransferFlags
    ) throws(Errno) -> Int {
        if let kernel = Simulation.kernel { return try kernel.send(descriptor, bytes) }
        do throws(Errno) {
            return try transferCall(.send, bytes.count, onInterrupt: .report) { count in
                Glibc.send(
                    descriptor, bytes.baseAddress, count, flags.rawValue | Int32(MSG_NOSIGNAL))
            }
        } catch {
            throw error.ofSend
        }
    }

    /// Sends bytes or one datagram to an address: sendto(2) with `MSG_NOSIGNAL`.
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

    /// The largest number of parts in one sendmsg(2).
    ///
    /// The kernel's limit is 1024.
    static let vectorLimit = 64

    /// Sends the parts as consecutive bytes of a stream, or as one datagram: sendmsg(2) with
    /// `MSG_NOSIGNAL`.
    ///
    /// Skips the first `skipped` bytes of the first part, and sends at most `most` bytes.
    static func sendmsg(
        _ descriptor: Int32, _ parts: ArraySlice<[UInt8]>, skipping skipped: Int,
        atMost most: Int, _ flags: TransferFlags
    ) throws(Errno) -> Int {
        var vectors: [iovec] = []
        vectors.reserveCapacity(min(parts.count, vectorLimit))
        var outcome: Result<Int, Errno> = .success(0)
        // The address of a part's bytes is valid only inside the part's closure. So the closures
        // are nested, and the innermost closure makes the call.
        func descend(_ parts: ArraySlice<[UInt8]>, _ skipped: Int) {
            // Empty parts are skipped without recursion, because recursion over many empty parts
            // could overflow the stack.
            let rest = parts.drop { $0.isEmpty }
            guard let first = rest.first, vectors.count < vectorLimit else {
                outcome = call(descriptor, &vectors, atMost: most, flags)
                return
            }
            first.withUnsafeBytes { bytes in
                let part = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
                if !part.isEmpty {
                    vectors.append(
                        iovec(
                            iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress),
                            iov_len: part.count))
                }
                descend(rest.dropFirst(), 0)
            }
        }
        descend(parts, skipped)
        do throws(Errno) {
            return try outcome.get()
        } catch {
            throw error.ofSend
        }
    }

    private static func call(
        _ descriptor: Int32, _ vectors: inout [iovec], atMost most: Int, _ flags: TransferFlags
    ) -> Result<Int, Errno> {
        vectors.withUnsafeMutableBufferPointer { vectors in
            Result { () throws(Errno) -> Int in
                let total = vectors.reduce(0) { $0 + $1.iov_len }
                if let kernel = Simulation.kernel, let first = vectors.first {
                    let bytes = UnsafeRawBufferPointer(start: first.iov_base, count: first.iov_len)
                    return try kernel.send(descriptor, bytes)
                }
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

    /// Removes `excess` bytes from the end of the vectors.
    private static func shorten(_ vectors: UnsafeMutableBufferPointer<iovec>, by excess: Int) {
        var excess = excess
        for index in vectors.indices.reversed() where excess > 0 {
            let taken = min(excess, vectors[index].iov_len)
            vectors[index].iov_len -= taken
            excess -= taken
        }
    }

    /// Waits until one of the descriptors is ready or `milliseconds` have passed: poll(2).
    ///
    /// If `milliseconds` is −1, the wait has no limit.
    ///
    /// A descriptor with an error or a hang-up counts as ready, and the next call on it reports the
    /// reason. If a signal interrupts the call, the call returns and no descriptor is ready.
    package static func poll(_ requests: inout [PollRequest], milliseconds: Int32) throws(Errno) {
        var entries = requests.map { request in
            pollfd(fd: request.descriptor, events: request.events, revents: 0)
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

extension Errno {
    /// The error of a call that sends: `EAGAIN` instead of `EINPROGRESS`, and every other error
    /// unchanged.
    ///
    /// With `TCP_FASTOPEN_CONNECT`, the first send connects the socket. If the kernel has forgotten
    /// the server's cookie since connect(2), that send transfers no bytes and reports
    /// `EINPROGRESS`. As after `EAGAIN`, the socket becomes writable later.
    var ofSend: Errno { self == .nowInProgress ? .wouldBlock : self }
}
