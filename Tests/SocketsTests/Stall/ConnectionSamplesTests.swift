import Testing

@testable import Sockets

@Suite("Samples of a connection")
struct ConnectionSamplesTests {
    private func sample(_ milliseconds: Int, queued: Int = 0, unread: Int = 0)
        -> ConnectionStatistics
    {
        var statistics = ConnectionStatistics(takenAt: .milliseconds(milliseconds))
        (statistics.sendQueue, statistics.receiveQueue) = (queued, unread)
        return statistics
    }

    @Test("the first sample is taken at once")
    func first() {
        #expect(ConnectionSamples().pause(of: .zero) == .zero)
        #expect(ConnectionSamples().pause(of: .seconds(5)) == .zero)
    }

    @Test("a duration of zero or less takes a single sample")
    func one() {
        var samples = ConnectionSamples()
        samples.add(sample(7))
        #expect(samples.pause(of: .zero) == nil)
        #expect(samples.pause(of: .seconds(-1)) == nil)
        #expect(samples.report(during: .nothing).samplingInterval == .zero)
    }

    @Test("sampling ends when the duration has passed, and not before")
    func end() {
        var samples = ConnectionSamples()
        samples.add(sample(1_000))
        #expect(samples.pause(of: .seconds(4)) == .milliseconds(100))
        samples.add(sample(4_990))
        #expect(samples.pause(of: .seconds(4)) == .milliseconds(10))
        samples.add(sample(5_000))
        #expect(samples.pause(of: .seconds(4)) == nil)
        #expect(samples.report(during: .nothing).samplingInterval == .seconds(4))
    }

    @Test("a short duration is sampled with pauses of 1 ms")
    func short() {
        var samples = ConnectionSamples()
        samples.add(sample(0))
        #expect(samples.pause(of: .milliseconds(10)) == .milliseconds(1))
    }

    @Test("the report contains the time since the queues changed")
    func sinceChange() {
        var samples = ConnectionSamples()
        for (time, queued) in [(0, 5), (100, 5), (200, 9), (300, 9), (900, 9)] {
            samples.add(sample(time, queued: queued))
        }
        #expect(
            samples.report(during: .nothing).statistics.timeSinceQueuesChanged == .milliseconds(700)
        )
    }

    @Test("a Unix socket whose queue drained between samples is diagnosed as `moving`")
    func unixMoves() {
        var samples = ConnectionSamples()
        for time in 0...20 {
            var statistics = sample(time * 50, queued: time % 3 == 1 ? 90_000 : 200_000)
            statistics.isWritable = false
            samples.add(statistics)
        }
        #expect(samples.report(during: .nothing).verdict == .moving)
    }

    @Test("a Unix socket that stays full after the first samples is diagnosed as `peerNotReading`")
    func unixStuck() {
        var samples = ConnectionSamples()
        for time in 0...20 {
            var statistics = sample(time * 50, queued: min(200_000, time * 100_000))
            statistics.isWritable = false
            samples.add(statistics)
        }
        #expect(samples.report(during: .nothing).verdict == .peerNotReading)
    }

    @Test("a report without a sample has the verdict `undetermined`")
    func none() {
        #expect(ConnectionSamples().report(during: .nothing).verdict == .undetermined)
    }
}
