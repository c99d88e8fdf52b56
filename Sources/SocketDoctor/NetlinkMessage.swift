internal import Sockets

/// One message of netlink(7), out of a datagram with several.
struct NetlinkMessage {
    /// What a message is: the kernel's numbers.
    enum Kind: Equatable {
        /// The end of a list.
        case done
        /// The request failed with this number, or with 0 did not.
        case error(Int32)
        /// An answer.
        case answer
        /// Padding, or something that nobody asked for.
        case other
    }

    var kind: Kind
    /// The kernel's list changed while it was read, so that an entry may be missing or there twice.
    var isInterrupted: Bool
    /// Behind the header.
    var body: ArraySlice<UInt8>

    /// The type of requests for sockets, and of the answers: `SOCK_DIAG_BY_FAMILY`.
    static let byFamily: UInt16 = 20
    /// `NLM_F_REQUEST` and `NLM_F_DUMP`: a list of everything.
    private static let listOfAll: UInt16 = 0x301
    private static let headerSize = 16

    /// A request for a list.
    static func request(_ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(word: UInt32(headerSize + body.count))
        bytes.append(half: byFamily)
        bytes.append(half: listOfAll)
        // The number of the request, which each answer bears; and the port, which the kernel gives.
        bytes.append(word: 1)
        bytes.append(word: 0)
        return bytes + body
    }

    /// The messages of a datagram, in their order, as far as they are whole.
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
        // An error that is cut short is one all the same: EPROTO would be its name.
        case 2: .error(body.word(at: 0).map { 0 &- Int32(bitPattern: $0) } ?? 71)
        default: .other
        }
    }

    /// The attributes that begin so many bytes behind the header, by their numbers. Of two with the
    /// same number the first counts.
    func attributes(after offset: Int) -> [UInt16: ArraySlice<UInt8>] {
        var found: [UInt16: ArraySlice<UInt8>] = [:]
        var rest = body.dropFirst(offset)
        while let length = rest.half(at: 0).map(Int.init), length >= 4, length <= rest.count,
            let type = rest.half(at: 2)
        {
            // The two highest bits say what is inside.
            let number = type & 0x3FFF
            if found[number] == nil { found[number] = rest.dropFirst(4).prefix(length - 4) }
            rest = rest.dropFirst(Self.aligned(length))
        }
        return found
    }

    private static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

// Numbers in the machine's own order, where they are whole.
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
