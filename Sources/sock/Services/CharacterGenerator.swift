/// The pattern of RFC 864: lines of 72 printable characters, each line beginning one further on.
enum CharacterGenerator {
    /// From space to tilde.
    private static let printable = Array(UInt8(ascii: " ")...UInt8(ascii: "~"))

    /// One line with its CRLF; the pattern repeats after 95.
    static func line(_ number: Int) -> [UInt8] {
        let start = number % printable.count
        let characters = (0..<72).map { printable[(start + $0) % printable.count] }
        return characters + [13, 10]
    }

    /// Ten times the whole pattern: a piece that can be sent over and over without a seam.
    static let cycle: [UInt8] = {
        let once = (0..<printable.count).flatMap(line)
        return (0..<10).flatMap { _ in once }
    }()

    /// As many whole lines as fit into the 512 bytes of a datagram, beginning with line `turn`.
    static func datagram(_ turn: Int) -> [UInt8] {
        (0..<6).flatMap { line(turn % printable.count + $0) }
    }
}
