/// A descriptor with a single owner.
///
/// It is closed at the end of its lifetime unless `take` was called.
struct OwnedDescriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { System.close(number) }

    /// Transfers ownership of the open descriptor to the caller.
    consuming func take() -> Int32 {
        let number = number
        discard self
        return number
    }
}
