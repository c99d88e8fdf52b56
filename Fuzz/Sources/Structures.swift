import CSockets
import Glibc

@testable import Sockets

/// Passes an input to a parser of kernel structures: addresses, control data and TCP_INFO.
///
/// The structures have any length and content.
func checkStructures(_ input: [UInt8]) {
    var reader = InputReader(input)
    let kind = reader.byte()
    let bytes = reader.take(input.count)
    switch kind % 3 {
    case 0: checkAddress(bytes)
    case 1: checkControlData(bytes)
    default: checkStatistics(bytes)
    }
}

/// Calls `body` with memory of exactly this size, so that the sanitizer finds reads beyond its end.
private func withExactly<Result>(
    _ bytes: [UInt8], _ body: (UnsafeMutableRawBufferPointer) -> Result
) -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    defer { memory.deallocate() }
    memory.copyBytes(from: bytes)
    return body(memory)
}

private func checkAddress(_ bytes: [UInt8]) {
    let text = "\(bytes)"
    let raw = withExactly(bytes) { memory in
        guard let start = memory.baseAddress else { return RawSocketAddress() }
        return RawSocketAddress(
            copying: start.assumingMemoryBound(to: sockaddr.self),
            length: socklen_t(memory.count))
    }
    let address = SocketAddress(raw)
    requirePrintable(address.description, text)
    guard address != .unnamed, let family = address.family else { return }
    guard let again = try? address.raw(for: family) else { return }
    require(SocketAddress(again) == address, "\(address) changes in a round trip", text)
}

private func checkControlData(_ bytes: [UInt8]) {
    withExactly(bytes) { memory in
        var message = msghdr()
        message.msg_control = memory.baseAddress
        message.msg_controllen = memory.count
        var info = csockets_packet_info()
        guard csockets_read_packet_info(&message, &info) != 0 else { return }
        require(
            info.family == AF_INET || info.family == AF_INET6, "an unknown family", "\(bytes)")
    }
}

private func checkStatistics(_ bytes: [UInt8]) {
    let text = "\(bytes)"
    var statistics = ConnectionStatistics()
    statistics.apply(tcpInfo: bytes)
    for kind in [Activity.Kind.reading, .writing, .exchanging, .nothing] {
        let activity = Activity(kind, elapsed: .seconds(1), sent: bytes.count, received: 0)
        let report = StallReport.analyze(nil, statistics, during: activity)
        for line in "\(report)".split(separator: "\n") { requirePrintable(String(line), text) }
    }
}
