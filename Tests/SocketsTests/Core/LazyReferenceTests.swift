import Synchronization
import Testing

@testable import Sockets

@Suite("LazyReference", .ownThread)
struct LazyReferenceTests {
    /// An object that counts how many of its kind exist.
    private final class Counted: Sendable {
        let count: Count

        init(_ count: Count) {
            self.count = count
            count.living.add(1, ordering: .relaxed)
        }

        deinit { count.living.subtract(1, ordering: .relaxed) }
    }

    private final class Count: Sendable {
        let living = Atomic<Int>(0)
        var value: Int { living.load(ordering: .relaxed) }
    }

    /// A reference that threads can share.
    private final class Shared: Sendable {
        let reference = LazyReference<Counted>()
    }

    @Test("the object is created on first use, and stays the same")
    func created() {
        let count = Count()
        let shared = Shared()
        #expect(shared.reference.objectIfCreated == nil)
        #expect(count.value == 0)
        let object = shared.reference.object { Counted(count) }
        #expect(shared.reference.objectIfCreated === object)
        #expect(shared.reference.object { Counted(count) } === object)
        #expect(count.value == 1)
    }

    @Test("the object lives as long as the reference")
    func released() {
        let count = Count()
        do {
            let shared = Shared()
            _ = shared.reference.object { Counted(count) }
            withExtendedLifetime(shared) { #expect(count.value == 1) }
        }
        #expect(count.value == 0)
    }

    @Test("threads that race to create the object get the same object")
    func race() throws {
        for _ in 0..<200 {
            let count = Count()
            let shared = Shared()
            let barrier = ThreadBarrier(4)
            let threads = (0..<4).map { _ in
                Background {
                    barrier.wait()
                    return ObjectIdentifier(shared.reference.object { Counted(count) })
                }
            }
            let objects = try threads.map { try $0.value() }
            #expect(Set(objects).count == 1)
            withExtendedLifetime(shared) { #expect(count.value == 1) }
        }
    }
}
