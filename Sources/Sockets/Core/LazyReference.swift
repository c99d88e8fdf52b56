internal import Synchronization

/// A reference to an object that is created on first use, by whichever thread comes first.
///
/// `AtomicLazyReference` of the standard library does the same, but the compiler does not
/// specialize its `load`, which costs 900 instructions a call.
struct LazyReference<Object: AnyObject & Sendable>: ~Copyable {
    /// The bits of a retained object, or 0.
    private let bits = Atomic<UInt>(0)

    deinit { retained?.release() }

    /// The object, or `nil` if it was not created yet.
    @inline(__always)
    var objectIfCreated: Object? { retained?.takeUnretainedValue() }

    /// Whether the object was created.
    @inline(__always)
    var isCreated: Bool { bits.load(ordering: .acquiring) != 0 }

    /// The object, which `create` creates if there is none.
    ///
    /// If two threads create one at the same time, one of the two objects is released.
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
        // Safe: this value retains the object until `deinit`.
        return Unmanaged<Object>.fromOpaque(stored).takeUnretainedValue()
    }

    @inline(__always)
    private var retained: Unmanaged<Object>? {
        guard let object = UnsafeRawPointer(bitPattern: bits.load(ordering: .acquiring)) else {
            return nil
        }
        // Safe: `object` retained it once for this value.
        return Unmanaged<Object>.fromOpaque(object)
    }
}
