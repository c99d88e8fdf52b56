/// A descriptor with one owner.
///
/// It closes itself unless the owner takes the number out.
struct OwnedDescriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { System.close(number) }

    /// Returns the number without closing the descriptor, which then belongs to the calling code.
    consuming func take() -> Int32 {
        let number = number
        discard self
        return number
    }
}
