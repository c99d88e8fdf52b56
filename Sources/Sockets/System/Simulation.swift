internal import Glibc
internal import SystemPackage

/// A replacement for the kernel under event loops and connections, for deterministic tests.
///
/// It simulates bytes, clients, readiness and the clock. Setting an option or a mode succeeds
/// without an effect.
///
/// Only debug builds can simulate. In a release build, `Simulation.kernel` is the constant `nil`,
/// so the compiler removes each branch that checks for a simulation.
protocol SimulatedKernel: AnyObject {
    /// The time of the simulated clock.
    var nanoseconds: Int64 { get }

    func receive(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
    func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int
    func shutdown(_ descriptor: Int32, _ direction: ShutdownDirection) throws(Errno)
    func close(_ descriptor: Int32)
    func accept(_ descriptor: Int32) throws(Errno) -> Int32

    /// Returns two descriptors, like epoll_create1(2) and eventfd(2).
    func makePoller() -> (epoll: Int32, eventDescriptor: Int32)
    func watch(_ descriptor: Int32, by epoll: Int32, _ token: UInt, reportsWritable: Bool)
    func unwatch(_ descriptor: Int32, by epoll: Int32)
    func wake(_ epoll: Int32)
    /// Returns the readiness of each changed descriptor with its token. Token 0 means a wakeup.
    func events(of epoll: Int32) -> [(token: UInt, readiness: Readiness)]
}

/// The choice between the real kernel and a simulated kernel, for the calling thread.
enum Simulation {
    #if DEBUG
        private static let key: pthread_key_t = {
            var key = pthread_key_t()
            let code = pthread_key_create(&key, nil)
            precondition(code == 0, "pthread_key_create failed")
            return key
        }()

        /// The simulated kernel of the current `run`, or `nil` if the thread uses the real kernel.
        static var kernel: (any SimulatedKernel)? {
            // Safe: `run` keeps the box alive while this thread has a pointer to it.
            pthread_getspecific(key).map {
                Unmanaged<Box>.fromOpaque($0).takeUnretainedValue().kernel
            }
        }

        /// Runs `body` with a simulated kernel.
        ///
        /// Everything that `body` starts must run on this thread, because other threads use the
        /// real kernel.
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
    #else
        @inline(__always) static var kernel: (any SimulatedKernel)? { nil }
    #endif
}
