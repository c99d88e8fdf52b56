import Testing

@testable import Sockets

@Suite("ConnectionStatistics: TCP_INFO", .ownThread)
struct ConnectionStatisticsTCPInfoTests {
    /// The offsets of the first byte of each field and of the byte after it.
    private static var fields: [(PartialKeyPath<ConnectionStatistics>, Int, Int)] {
        [
            (\.state, 0, 1), (\.retransmissions, 2, 3), (\.probes, 3, 4), (\.backoff, 4, 5),
            (\.retransmissionTimeout, 8, 12), (\.sendSegmentSize, 16, 20),
            (\.receiveSegmentSize, 20, 24),
            (\.unacknowledgedSegments, 24, 28), (\.timeSinceLastSend, 44, 48),
            (\.timeSinceLastReceive, 52, 56),
            (\.timeSinceLastAcknowledgement, 56, 60), (\.roundTripTime, 68, 72),
            (\.totalRetransmissions, 100, 104),
            (\.bytesAcknowledged, 120, 128), (\.bytesReceived, 128, 136), (\.notSent, 144, 148),
            (\.busyTime, 168, 176), (\.receiveWindowLimitedTime, 176, 184),
            (\.sendBufferLimitedTime, 184, 192),
            (\.sendWindow, 228, 232), (\.receiveWindow, 232, 236),
        ]
    }

    private func statistics(of bytes: [UInt8]) -> ConnectionStatistics {
        var statistics = ConnectionStatistics()
        statistics.apply(tcpInfo: bytes)
        return statistics
    }

    private func isKnown(
        _ statistics: ConnectionStatistics, _ field: PartialKeyPath<ConnectionStatistics>
    ) -> Bool {
        "\(statistics[keyPath: field])" != "nil"
    }

    @Test("a field is known only if TCP_INFO contains the field completely", arguments: 0...320)
    func everyLength(length: Int) {
        let statistics = statistics(of: [UInt8](repeating: 1, count: length))
        for (field, _, end) in Self.fields {
            #expect(isKnown(statistics, field) == (end <= length), "\(field)")
        }
    }

    @Test("each field is parsed only from its own bytes")
    func offsets() {
        let nothing = statistics(of: [UInt8](repeating: 0, count: 300))
        for (field, start, end) in Self.fields {
            for index in 0..<300 {
                var bytes = [UInt8](repeating: 0, count: 300)
                bytes[index] = 1
                let differs =
                    "\(statistics(of: bytes)[keyPath: field])" != "\(nothing[keyPath: field])"
                #expect(differs == (start..<end).contains(index), "\(field), byte \(index)")
            }
        }
    }

    @Test("numbers are parsed in the machine's byte order and the kernel's units")
    func units() {
        var bytes = [UInt8](repeating: 0, count: 240)
        func put<Number: FixedWidthInteger>(_ value: Number, at offset: Int) {
            withUnsafeBytes(of: value) {
                bytes.replaceSubrange(offset..<offset + $0.count, with: $0)
            }
        }
        bytes[0] = 8
        put(UInt32(208_000), at: 8)
        put(UInt32(1_088), at: 44)
        put(UInt64(6_176_047_105), at: 120)
        put(UInt64(344_000), at: 176)
        put(UInt32(65_536), at: 228)
        let statistics = statistics(of: bytes)
        #expect(statistics.state == .closeWait)
        #expect(statistics.retransmissionTimeout == .milliseconds(208))
        #expect(statistics.timeSinceLastSend == .milliseconds(1_088))
        #expect(statistics.bytesAcknowledged == 6_176_047_105)
        #expect(statistics.receiveWindowLimitedTime == .milliseconds(344))
        #expect(statistics.sendWindow == 65_536)
    }

    @Test("parsing random bytes never traps and never gives a negative number")
    func randomBytes() {
        var generator = SeededGenerator(seed: 20)
        for _ in 0..<5_000 {
            let length = Int.random(in: 0...300, using: &generator)
            let full = Bool.random(using: &generator)
            let bytes = (0..<length).map { _ in
                full ? UInt8.max : UInt8.random(in: 0...255, using: &generator)
            }
            let statistics = statistics(of: bytes)
            let counts = [
                statistics.bytesAcknowledged, statistics.bytesReceived, statistics.notSent,
                statistics.sendWindow, statistics.receiveWindow,
            ]
            #expect(counts.allSatisfy { $0.map { $0 >= 0 } ?? true })
            _ = StallReport.analyze(nil, statistics, during: .nothing)
        }
    }

    @Test(
        "times are nil before the connection is established, unless data was transferred",
        arguments: [ConnectionStatistics.State.synSent, .closed, .listen])
    func neverConnected(state: ConnectionStatistics.State) {
        // The kernel then counts the times from the start of the machine.
        var bytes = [UInt8](repeating: 9, count: 240)
        bytes[0] = state.rawValue
        bytes.replaceSubrange(152..<160, with: [UInt8](repeating: 0, count: 8))
        let statistics = statistics(of: bytes)
        #expect(statistics.timeSinceLastSend == nil)
        #expect(statistics.timeSinceLastReceive == nil)
        #expect(statistics.timeSinceLastAcknowledgement == nil)
        guard state != .listen else { return }
        bytes[156] = 1
        #expect(self.statistics(of: bytes).timeSinceLastSend != nil)
        #expect(self.statistics(of: bytes).timeSinceLastReceive == nil)
    }

    @Test("the length of a listener's accept queue is not reported as a segment count")
    func listening() {
        var bytes = [UInt8](repeating: 7, count: 300)
        bytes[0] = 10
        let statistics = statistics(of: bytes)
        #expect(statistics.state == .listen)
        #expect(statistics.unacknowledgedSegments == nil)
        #expect(statistics.notSent == nil)
    }
}
