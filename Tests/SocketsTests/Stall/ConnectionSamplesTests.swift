import Testing

@testable import Sockets

@Suite("Several looks")
struct WatchTests {
    private func look(_ milliseconds: Int, queued: Int = 0, unread: Int = 0) -> ConnectionStatistics
    {
        var statistics = ConnectionStatistics(takenAt: .milliseconds(milliseconds))
        (statistics.sendQueue, statistics.receiveQueue) = (queued, unread)
        return statistics
    }

    @Test("the first look is made at once")
    func first() {
        #expect(ConnectionSamples().pause(of: .zero) == .zero)
        #expect(ConnectionSamples().pause(of: .seconds(5)) == .zero)
    }

    @Test("without a duration one look is all")
    func one() {
        var watch = ConnectionSamples()
        watch.add(look(7))
        #expect(watch.pause(of: .zero) == nil)
        #expect(watch.pause(of: .seconds(-1)) == nil)
        #expect(watch.report(during: .nothing).samplingInterval == .zero)
    }

    @Test("it ends when the time is over, and not before")
    func end() {
        var watch = ConnectionSamples()
        watch.add(look(1_000))
        #expect(watch.pause(of: .seconds(4)) == .milliseconds(100))
        watch.add(look(4_990))
        #expect(watch.pause(of: .seconds(4)) == .milliseconds(10))
        watch.add(look(5_000))
        #expect(watch.pause(of: .seconds(4)) == nil)
        #expect(watch.report(during: .nothing).samplingInterval == .seconds(4))
    }

    @Test("a short watch does not look more than once in a millisecond")
    func short() {
        var watch = ConnectionSamples()
        watch.add(look(0))
        #expect(watch.pause(of: .milliseconds(10)) == .milliseconds(1))
    }

    @Test("it remembers since when the queues have been as they are")
    func sinceChange() {
        var watch = ConnectionSamples()
        for (time, queued) in [(0, 5), (100, 5), (200, 9), (300, 9), (900, 9)] {
            watch.add(look(time, queued: queued))
        }
        #expect(
            watch.report(during: .nothing).statistics.timeSinceQueuesChanged == .milliseconds(700))
    }

    @Test(
        "a Unix socket whose queue is full at both ends of a watch, and was not in between, moves")
    func unixMoves() {
        var watch = ConnectionSamples()
        for time in 0...20 {
            var statistics = look(time * 50, queued: time % 3 == 1 ? 90_000 : 200_000)
            statistics.isWritable = false
            watch.add(statistics)
        }
        #expect(watch.report(during: .nothing).verdict == .moving)
    }

    @Test("a Unix socket that was filled at the beginning of a watch, and no more, is stuck")
    func unixStuck() {
        var watch = ConnectionSamples()
        for time in 0...20 {
            var statistics = look(time * 50, queued: min(200_000, time * 100_000))
            statistics.isWritable = false
            watch.add(statistics)
        }
        #expect(watch.report(during: .nothing).verdict == .peerNotReading)
    }

    @Test("no look at all is no verdict")
    func none() {
        #expect(ConnectionSamples().report(during: .nothing).verdict == .undetermined)
    }
}
