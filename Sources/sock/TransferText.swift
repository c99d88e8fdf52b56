/// The text of amounts and rates of bytes in messages.
enum TransferText {
    private static let units = ["kB", "MB", "GB", "TB", "PB"]

    /// Returns both directions of a transfer: `sent 2.3 GB (1.1 GB/s), received 5 bytes`.
    static func both(sent: Int, received: Int, in duration: Duration? = nil) -> String {
        "sent \(amount(sent, in: duration)), received \(amount(received, in: duration))"
    }

    /// Returns an amount, with its rate if there is a duration and the amount is large.
    static func amount(_ bytes: Int, in duration: Duration? = nil) -> String {
        guard let duration, duration > .zero, bytes >= 1000 else { return amount(Double(bytes)) }
        return "\(amount(Double(bytes))) (\(amount(Double(bytes) / (duration / .seconds(1))))/s)"
    }

    private static func amount(_ bytes: Double) -> String {
        if bytes.rounded() < 1000 {
            return bytes.rounded() == 1 ? "1 byte" : "\(Int(bytes.rounded())) bytes"
        }
        var value = bytes
        var unit = -1
        // A value that one decimal place would round to 1000 belongs to the next unit.
        while value >= 999.95, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[max(0, unit)])"
    }
}
