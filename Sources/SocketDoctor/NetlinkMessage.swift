internal import Sockets

/// One netlink(7) message from a datagram that may contain several.
struct NetlinkMessage {
    /// The type of a message.
    enum Kind: Equatable {
        /// The end of a list.
        case done
        /// The request failed with this error number, or succeeded if the number is 0.
        case error(Int32)
        /// An entry of the requested list.
        case answer
        /// Padding, or a message that does not belong to the request.
        case other
    }

    var kind: Kind
    /// A Boolean value that indicates whether the kernel's list changed while it was read, so that
    /// an entry may be missing or duplicated.
    var isInterrupted: Bool
    /// The bytes after the header.
    var body: ArraySlice<UInt8>

    /// The type of requests for sockets and of their answers: `SOCK_DIAG_BY_FAMILY`.
    static let byFamily: UInt16 = 20
    /// `NLM_F_REQUEST` and `NLM_F_DUMP`: a request for the whole list.
    private static let dumpRequest: UInt16 = 0x301
    private static let headerSize = 16

    /// Returns a request for a list.
    static func request(_ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(word: UInt32(headerSize + body.count))
        bytes.append(half: byFamily)
        bytes.append(half: dumpRequest)
        // Append the sequence number, which each answer repeats, and port 0, so that the kernel
        // assigns a port.
        bytes.append(word: 1)
        bytes.append(word: 0)
        return bytes + body
    }

    /// Returns the complete messages of a datagram, in order.
    static func messages(in datagram: ArraySlice<UInt8>) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var rest = datagram
        while let length = rest.word(at: 0).map(Int.init), length >= headerSize,
            length <= rest.count, let type = rest.half(at: 4), let flags = rest.half(at: 6)
        {
            let body = rest.dropFirst(headerSize).prefix(length - headerSize)
            messages.append(
                NetlinkMessage(
                    kind: kind(type, body), isInterrupted: flags & 0x10 != 0, body: body))
            rest = rest.dropFirst(aligned(length))
        }
        return messages
    }

    private static func kind(_ type: UInt16, _ body: ArraySlice<UInt8>) -> Kind {
        switch type {
        case byFamily: .answer
        case 3: .done
        // An error without a number must end the list too, so it is reported as EPROTO (71).
        case 2: .error(body.word(at: 0).map { 0 &- Int32(bitPattern: $0) } ?? 71)
        default: .other
        }
    }

    /// Returns the attributes that begin at an offset after the header, keyed by their types.
    ///
    /// If a type occurs twice, the first attribute is returned.
    func attributes(after offset: Int) -> [UInt16: ArraySlice<UInt8>] {
        var found: [UInt16: ArraySlice<UInt8>] = [:]
        var rest = body.dropFirst(offset)
        while let length = rest.half(at: 0).map(Int.init), length >= 4, length <= rest.count,
            let type = rest.half(at: 2)
        {
            // The two highest bits of the type are flags about the content, so remove them.
            let number = type & 0x3FFF
            if found[number] == nil { found[number] = rest.dropFirst(4).prefix(length - 4) }
            rest = rest.dropFirst(Self.aligned(length))
        }
        return found
    }

    private static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

// Reads numbers in the machine's byte order. The result is nil if a number is not completely inside
// the bytes.
extension ArraySlice<UInt8> {
    func byte(at offset: Int) -> UInt8? {
        offset < count ? self[startIndex + offset] : nil
    }

    func half(at offset: Int) -> UInt16? { number(at: offset) }

    func word(at offset: Int) -> UInt32? { number(at: offset) }

    func long(at offset: Int) -> UInt64? { number(at: offset) }

    private func number<Number: FixedWidthInteger>(at offset: Int) -> Number? {
        guard offset >= 0, offset + MemoryLayout<Number>.size <= count else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}

extension [UInt8] {
    mutating func append(half: UInt16) { append(number: half) }
    mutating func append(word: UInt32) { append(number: word) }

    private mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
    }
}
