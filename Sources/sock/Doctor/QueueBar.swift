/// A bar that shows how full a queue is, such as `███▌··`.
enum QueueBar {
    private static let width = 6
    private static let eighths: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    /// Returns the bar of a queue.
    ///
    /// - Parameters:
    ///   - amount: The number of bytes in the queue. The bar shows even a single byte.
    ///   - limit: The size of the full queue. If it is nil, a queue that contains bytes is drawn
    ///     half full.
    /// - Returns: The bar as text.
    static func drawn(_ amount: Int, of limit: Int?) -> String {
        let share =
            amount <= 0
            ? 0 : limit.map { $0 > 0 ? min(1, Double(amount) / Double($0)) : 1 } ?? 0.5
        let parts = amount > 0 ? max(1, Int(share * Double(width) * 8)) : 0
        var bar = String(repeating: "█", count: parts / 8)
        if parts % 8 > 0 { bar.append(eighths[parts % 8 - 1]) }
        return bar + String(repeating: "·", count: width - bar.count)
    }
}
