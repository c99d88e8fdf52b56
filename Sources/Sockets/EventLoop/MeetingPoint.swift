internal import SystemPackage

/// Where one task waits for whatever comes first: one of several descriptors that becomes writable,
/// a thread, a moment, its own cancellation.
///
/// The task prepares, looks whether what it waits for has come, and only then waits: nothing that
/// comes after it has prepared is missed.
final class MeetingPoint: Sendable {
    private let watch: WriteWatch
    private let source: EventSource

    init(on loop: EventLoop) throws(Errno) {
        watch = try WriteWatch.make()
        do throws(Errno) {
            source = try EventSource(owning: watch.descriptor, on: loop)
        } catch {
            System.close(watch.descriptor)
            throw error
        }
    }

    deinit { source.close() }

    /// Lets a descriptor, until it is closed, end the wait when it becomes writable.
    func expect(_ descriptor: Int32) throws(Errno) {
        try watch.add(descriptor)
    }

    /// Ends the wait; from any thread.
    func arrive() {
        ReadinessWord.publish()
        source.reading.word.wake()
    }

    /// From now on an arrival ends the next wait.
    func prepare() {
        source.reading.word.clear()
        ReadinessWord.publish()
    }

    /// Waits, at most so long; false if the task is cancelled.
    func wait(atMost duration: Duration?) async -> Bool {
        var deadline = Deadline(duration.map { TimeLimit($0) } ?? .never)
        return await source.wait(.reading, until: deadline.start())
    }
}
