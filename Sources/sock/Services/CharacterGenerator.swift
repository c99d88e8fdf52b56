/// The pattern of RFC 864: lines of 72 printable characters, each shifted by one character.
enum CharacterGenerator {
    /// From space to tilde.
    private static let printable = Array(UInt8(ascii: " ")...UInt8(ascii: "~"))

    /// Returns one line with its CRLF; the pattern repeats after 95 lines.
    static func line(_ number: Int) -> [UInt8] {
        let start = number % printable.count
        let characters = (0..<72).map { printable[(start + $0) % printable.count] }
        return characters + [13, 10]
    }

    /// Ten times the whole pattern, so that it can be sent repeatedly.
    static let cycle: [UInt8] = {
        let once = (0..<printable.count).flatMap(line)
        return (0..<10).flatMap { _ in once }
    }()

    /// Returns as many whole lines as fit into the 512 bytes of a datagram, from line `first` on.
    static func datagram(from first: Int) -> [UInt8] {
        (0..<6).flatMap { line(first % printable.count + $0) }
    }
}
