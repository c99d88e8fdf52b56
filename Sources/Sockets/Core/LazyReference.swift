internal import Synchronization

/// A reference to an object, which the first thread that needs the object creates.
///
/// The standard library's `AtomicLazyReference` does the same, but each call of its `load` costs
/// 900 instructions, because the compiler does not specialize the function.
struct LazyReference<Object: AnyObject & Sendable>: ~Copyable {
    /// The bits of a retained object, or 0.
    private let bits = Atomic<UInt>(0)

    deinit { retained?.release() }

    /// The object, or `nil` if it has not been created yet.
    @inline(__always)
    var objectIfCreated: Object? { retained?.takeUnretainedValue() }

    /// A Boolean value that indicates whether the object has been created.
    @inline(__always)
    var isCreated: Bool { bits.load(ordering: .acquiring) != 0 }

    /// Returns the object, and creates it with `create` if it does not exist yet.
    ///
    /// If two threads create an object at the same time, one of the two objects is released.
    func object(_ create: () -> Object) -> Object {
        if let objectIfCreated { return objectIfCreated }
        let created = Unmanaged.passRetained(create())
        let (isStored, stored) = bits.compareExchange(
            expected: 0, desired: UInt(bitPattern: created.toOpaque()),
            ordering: .acquiringAndReleasing)
        guard !isStored, let stored = UnsafeRawPointer(bitPattern: stored) else {
            return created.takeUnretainedValue()
        }
        created.release()
        // Safe because this value retains the object until `deinit`.
        return Unmanaged<Object>.fromOpaque(stored).takeUnretainedValue()
    }

    @inline(__always)
    private var retained: Unmanaged<Object>? {
        guard let object = UnsafeRawPointer(bitPattern: bits.load(ordering: .acquiring)) else {
            return nil
        }
        // Safe because the function `object` retained the object once for this value.
        return Unmanaged<Object>.fromOpaque(object)
    }
}
