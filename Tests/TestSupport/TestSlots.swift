/// Limits how many tests run at once. Waiting tests continue in order of arrival.
actor TestSlots {
    static let count = 6
    static let shared = TestSlots()

    private var available = count
    private var waiters: [(slots: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func acquire(_ slots: Int) async {
        if waiters.isEmpty, slots <= available {
            available -= slots
        } else {
            await withCheckedContinuation { waiters.append((slots, $0)) }
        }
    }

    func release(_ slots: Int) {
        available += slots
        while let first = waiters.first, first.slots <= available {
            available -= first.slots
            waiters.removeFirst().continuation.resume()
        }
    }
}
