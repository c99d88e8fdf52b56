#if DEBUG
    internal import Glibc
    internal import SystemPackage

    /// What takes the kernel's place under loops and connections, for tests that have to be the same
    /// each time: bytes, callers, readiness and the clock. Options and modes are what they are: who
    /// sets one is not told no.
    ///
    /// Exists in debug builds only, as `FaultInjection` does: a release build has neither the type nor
    /// the branch that asks for it.
    protocol SimulatedKernel: AnyObject {
        /// The clock.
        var nanoseconds: Int64 { get }

        func receive(
            _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer
        ) throws(Errno) -> Int
        func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int
        func shutdown(_ descriptor: Int32, _ how: ShutdownHow) throws(Errno)
        func close(_ descriptor: Int32)
        func accept(_ descriptor: Int32) throws(Errno) -> Int32

        /// Two descriptors, as epoll_create1(2) and eventfd(2) give.
        func makePoller() -> (epoll: Int32, eventDescriptor: Int32)
        func watch(_ descriptor: Int32, by epoll: Int32, _ token: UInt, reportsWritable: Bool)
        func unwatch(_ descriptor: Int32, by epoll: Int32)
        func wake(_ epoll: Int32)
        /// What happened to the descriptors, by their tokens; 0 is the eventDescriptor.
        func events(of epoll: Int32) -> [(token: UInt, readiness: Readiness)]
    }

    /// Which kernel the calling thread talks to.
    enum Simulation {
        private static let key: pthread_key_t = {
            var key = pthread_key_t()
            let code = pthread_key_create(&key, nil)
            precondition(code == 0, "pthread_key_create failed")
            return key
        }()

        /// The one that `run` has put there; nil is the real one.
        static var kernel: (any SimulatedKernel)? {
            // Safe: `run` holds the box while its pointer is there, on this very thread.
            pthread_getspecific(key).map {
                Unmanaged<Box>.fromOpaque($0).takeUnretainedValue().kernel
            }
        }

        /// Runs `body` on a kernel; all that it starts has to run on this thread.
        static func run<Result>(
            on kernel: any SimulatedKernel, _ body: () throws -> Result
        ) rethrows -> Result {
            let box = Box(kernel)
            pthread_setspecific(key, Unmanaged.passUnretained(box).toOpaque())
            defer { pthread_setspecific(key, nil) }
            return try withExtendedLifetime(box, body)
        }

        private final class Box {
            let kernel: any SimulatedKernel
            init(_ kernel: any SimulatedKernel) { self.kernel = kernel }
        }
    }
#endif
