internal import Sockets

// Netlink requests for sockets and their answers, as defined in linux/inet_diag.h and
// linux/unix_diag.h. Truncated entries are left out, so no answer can make this code trap.
extension MachineSocket {
    /// The lists of sockets that the kernel provides.
    package enum List: CaseIterable, Sendable {
        case tcp4, tcp6, unix, udp4, udp6

        /// The lists of stream sockets.
        package static let streams: [List] = [.tcp4, .tcp6, .unix]

        /// The whole request, including its header.
        var request: [UInt8] {
            NetlinkMessage.request(
                self == .unix ? MachineSocket.unixRequest : MachineSocket.internetRequest(self))
        }

        /// The kind of the sockets in the list.
        var kind: Kind {
            switch self {
            case .tcp4, .tcp6: .tcp
            case .udp4, .udp6: .udp
            case .unix: .unix
            }
        }
    }

    /// Returns the sockets in one datagram of an answer.
    ///
    /// - Parameters:
    ///   - datagram: The bytes of the datagram.
    ///   - kind: The kind of the IP sockets that were requested.
    ///   - time: When the datagram arrived, on the continuous clock.
    /// - Returns: The sockets, how the list ended (nil if it goes on in another datagram), and
    ///   whether the kernel's list changed while it was read.
    static func decode(
        _ datagram: ArraySlice<UInt8>, of kind: Kind = .tcp, at time: Duration
    ) -> (sockets: [MachineSocket], end: ListEnd?, isInterrupted: Bool) {
        var sockets: [MachineSocket] = []
        var isInterrupted = false
        for message in NetlinkMessage.messages(in: datagram) {
            isInterrupted = isInterrupted || message.isInterrupted
            switch message.kind {
            case .done: return (sockets, .complete, isInterrupted)
            case .error(let number) where number != 0:
                return (sockets, .failed(number), isInterrupted)
            case .error, .other: continue
            case .answer:
                if let socket = MachineSocket(message, kind, at: time) {
                    sockets.append(socket)
                }
            }
        }
        return (sockets, nil, isInterrupted)
    }

    /// How a list ended.
    enum ListEnd: Equatable, Sendable {
        case complete
        /// The kernel could not provide the list, and returned this error number.
        case failed(Int32)
    }

    private enum Family {
        static let unix: UInt8 = 1
        static let ipv4: UInt8 = 2
        static let ipv6: UInt8 = 10
    }

    private init?(_ message: NetlinkMessage, _ kind: Kind, at time: Duration) {
        switch message.body.byte(at: 0) {
        case Family.unix: self.init(unix: message, at: time)
        case Family.ipv4, Family.ipv6: self.init(internet: message, kind, at: time)
        default: return nil
        }
    }

    // MARK: TCP and UDP

    private static let tcpProtocol: UInt8 = 6
    private static let udpProtocol: UInt8 = 17

    /// All states except SYN_RECV and TIME_WAIT, in which no process owns the socket.
    private static let tcpStates: UInt32 =
        [1, 2, 4, 5, 7, 8, 9, 10, 11].reduce(0) { $0 | 1 << $1 }

    /// The value of `idiag_timer` while the retransmission timer is running.
    private static let retransmissionTimer: UInt8 = 1

    private enum Attribute {
        static let info: UInt16 = 2
        static let memory: UInt16 = 7
    }

    /// Both states of a UDP socket: connected (1) and not connected (7).
    private static let udpStates: UInt32 = 1 << 1 | 1 << 7

    private static func internetRequest(_ list: List) -> [UInt8] {
        let isTCP = list.kind == .tcp
        let wanted = UInt8((isTCP ? 1 << (Attribute.info - 1) : 0) | 1 << (Attribute.memory - 1))
        let family = list == .tcp4 || list == .udp4 ? Family.ipv4 : Family.ipv6
        var bytes = [family, isTCP ? tcpProtocol : udpProtocol, wanted, 0]
        bytes.append(word: isTCP ? tcpStates : udpStates)
        // Zeros match all addresses, interfaces and cookies.
        return bytes + [UInt8](repeating: 0, count: 48)
    }

    private init?(internet message: NetlinkMessage, _ kind: Kind, at time: Duration) {
        let body = message.body
        guard body.count >= 72, let family = body.byte(at: 0), let state = body.byte(at: 1),
            let cookie = body.long(at: 44), let inode = body.word(at: 68),
            let receiveQueue = body.word(at: 56), let sendQueue = body.word(at: 60)
        else { return nil }
        let attributes = message.attributes(after: 72)
        self.init(
            kind, cookie: cookie, inode: inode,
            local: Self.address(family, body.dropFirst(8), port: body.dropFirst(4), body),
            remote: Self.address(family, body.dropFirst(24), port: body.dropFirst(6), body),
            statistics: ConnectionStatistics(takenAt: time))
        user = body.word(at: 64)
        guard kind == .tcp else {
            applyLimits(attributes[Attribute.memory])
            (statistics.receiveQueue, statistics.sendQueue) = (Int(receiveQueue), Int(sendQueue))
            return
        }
        if let info = attributes[Attribute.info] { statistics.apply(tcpInfo: Array(info)) }
        statistics.state = ConnectionStatistics.State(rawValue: state) ?? statistics.state
        guard statistics.state != .listen else {
            isListening = true
            (pendingConnections, backlog) = (Int(receiveQueue), Int(sendQueue))
            return
        }
        if body.byte(at: 2) == Self.retransmissionTimer {
            statistics.timeToRetransmission = body.word(at: 52).map { .milliseconds($0) }
        }
        // The kernel counts the FIN as one byte of the queue, but a FIN cannot be read, so subtract
        // one byte.
        let halfClosedStates: Set<ConnectionStatistics.State?> = [.closeWait, .lastAck, .closing]
        let isHalfClosed = halfClosedStates.contains(statistics.state)
        statistics.receiveQueue = max(
            0, Int(receiveQueue) - (isHalfClosed ? 1 : 0))
        statistics.sendQueue = Int(sendQueue)
        statistics.hasPeerHalfClosed = isHalfClosed
        applyLimits(attributes[Attribute.memory])
    }

    private static func address(
        _ family: UInt8, _ bytes: ArraySlice<UInt8>, port: ArraySlice<UInt8>,
        _ body: ArraySlice<UInt8>
    ) -> SocketAddress {
        let port = UInt16(bigEndian: port.half(at: 0) ?? 0)
        guard family == Family.ipv6 else {
            return .ipv4(IPv4Address(bits: UInt32(bigEndian: bytes.word(at: 0) ?? 0)), port: port)
        }
        let high = UInt64(bigEndian: bytes.long(at: 0) ?? 0)
        // A link-local address is only complete with its interface, so store the interface as the
        // zone.
        let interface = high >> 54 == 0x3FA ? body.word(at: 40) ?? 0 : 0
        let address = IPv6Address(
            high: high, low: UInt64(bigEndian: bytes.long(at: 8) ?? 0),
            zone: IPv6Address.zone(of: interface))
        return SocketAddress.ipv6(address, port: port).unmapped
    }

    // MARK: Unix

    private enum UnixAttribute {
        static let name: UInt16 = 0
        static let peer: UInt16 = 2
        static let pendingInodes: UInt16 = 3
        static let queues: UInt16 = 4
        static let memory: UInt16 = 5
        static let shutdown: UInt16 = 6
        static let user: UInt16 = 7
    }

    /// The types `SOCK_STREAM` and `SOCK_SEQPACKET`.
    ///
    /// Datagram sockets are left out, because they have no queue per peer.
    private static let unixTypes: Set<UInt8?> = [1, 5]

    private static var unixRequest: [UInt8] {
        var bytes = [Family.unix, 0, 0, 0]
        // Ask for connected and listening sockets, any inode and cookie, and all attributes.
        bytes.append(word: 1 << 1 | 1 << 10)
        bytes.append(word: 0)
        bytes.append(word: 0x7F)
        return bytes + [UInt8](repeating: 0, count: 8)
    }

    private init?(unix message: NetlinkMessage, at time: Duration) {
        let body = message.body
        guard Self.unixTypes.contains(body.byte(at: 1)), let state = body.byte(at: 2),
            let inode = body.word(at: 4), let cookie = body.long(at: 8)
        else { return nil }
        let attributes = message.attributes(after: 16)
        self.init(
            .unix, cookie: cookie, inode: inode, statistics: ConnectionStatistics(takenAt: time))
        local = Self.address(attributes[UnixAttribute.name])
        user = attributes[UnixAttribute.user]?.word(at: 0)
        let queues = attributes[UnixAttribute.queues]
        guard state != 10 else {
            isListening = true
            pendingConnections = Int(queues?.word(at: 0) ?? 0)
            backlog = Int(queues?.word(at: 4) ?? 0)
            pendingInodes = Self.words(attributes[UnixAttribute.pendingInodes])
            return
        }
        peerInode = attributes[UnixAttribute.peer]?.word(at: 0)
        statistics.receiveQueue = queues?.word(at: 0).map { Int($0) }
        statistics.sendQueue = queues?.word(at: 4).map { Int($0) }
        applyLimits(attributes[UnixAttribute.memory])
        // poll(2) reports a Unix socket as writable only while at most a quarter of its limit is in
        // use.
        if let sendQueue = statistics.sendQueue, let limit = statistics.sendBufferSize {
            statistics.isWritable = sendQueue * 4 <= limit
        }
        if let ended = attributes[UnixAttribute.shutdown]?.byte(at: 0) {
            statistics.hasPeerHalfClosed = ended & 1 != 0
            statistics.isHungUp = ended & 3 == 3
        }
    }

    private static func address(_ name: ArraySlice<UInt8>?) -> SocketAddress {
        guard let name, let first = name.first else { return .unnamed }
        let address =
            first == 0
            ? UnixAddress(abstractBytes: Array(name.dropFirst()))
            : UnixAddress(pathBytes: Array(name.prefix { $0 != 0 }))
        return address.map { .unix($0) } ?? .unnamed
    }

    private static func words(_ bytes: ArraySlice<UInt8>?) -> [UInt32] {
        guard let bytes else { return [] }
        return (0..<bytes.count / 4).compactMap { bytes.word(at: $0 * 4) }
    }

    /// Applies the limits of both buffers, which are the second and the fourth word of `SKMEMINFO`.
    private mutating func applyLimits(_ memory: ArraySlice<UInt8>?) {
        statistics.receiveBufferSize = memory?.word(at: 4).map { Int($0) }
        statistics.sendBufferSize = memory?.word(at: 12).map { Int($0) }
    }
}
