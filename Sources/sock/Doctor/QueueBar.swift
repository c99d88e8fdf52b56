/// How full a queue is, drawn: `███▌··`.
enum QueueBar {
    private static let width = 6
    private static let eighths: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    /// - Parameter limit: when it is full; where that is not known, anything counts as half full.
    static func drawn(_ amount: Int, of limit: Int?) -> String {
        let share =
            amount <= 0
            ? 0 : limit.map { $0 > 0 ? min(1, Double(amount) / Double($0)) : 1 } ?? 0.5
        // Whatever is there is seen.
        let parts = amount > 0 ? max(1, Int(share * Double(width) * 8)) : 0
        var bar = String(repeating: "█", count: parts / 8)
        if parts % 8 > 0 { bar.append(eighths[parts % 8 - 1]) }
        return bar + String(repeating: "·", count: width - bar.count)
    }
}
