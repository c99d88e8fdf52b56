import Testing

@testable import sock

@Suite(.ownThread)
struct TransferTextTests {
    @Test(
        "an amount has the largest unit in which it is at least 1",
        arguments: [
            (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"),
            (1_550, "1.6 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
            (2_300_000_000, "2.3 GB"), (Int.max, "9223.4 PB"),
        ])
    func amounts(bytes: Int, expected: String) {
        #expect(TransferText.amount(bytes) == expected)
    }

    @Test("a large amount prints with a rate if the time is known")
    func rates() {
        #expect(TransferText.amount(2_300_000_000, in: .seconds(2)) == "2.3 GB (1.2 GB/s)")
        #expect(TransferText.amount(1_000, in: .seconds(10)) == "1.0 kB (100 bytes/s)")
        #expect(TransferText.amount(500, in: .seconds(2)) == "500 bytes")
        #expect(TransferText.amount(5_000, in: .zero) == "5.0 kB")
        #expect(
            TransferText.both(sent: 2_000_000, received: 5, in: .seconds(1))
                == "sent 2.0 MB (2.0 MB/s), received 5 bytes")
    }
}
