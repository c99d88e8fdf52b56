/// The pattern of RFC 864: lines of 72 printable characters, each shifted by one character.
enum CharacterGenerator {
    /// The printable characters of ASCII, from space to tilde.
    private static let printable = Array(UInt8(ascii: " ")...UInt8(ascii: "~"))

    /// Returns one line with its CRLF.
    ///
    /// The pattern repeats after 95 lines.
    static func line(_ number: Int) -> [UInt8] {
        let start = number % printable.count
        let characters = (0..<72).map { printable[(start + $0) % printable.count] }
        return characters + [13, 10]
    }

    /// Ten repetitions of the whole pattern.
    ///
    /// Sending these bytes again continues the pattern without a gap.
    static let cycle: [UInt8] = {
        let once = (0..<printable.count).flatMap(line)
        return (0..<10).flatMap { _ in once }
    }()

    /// Returns six lines from line `first` on, because that many lines fit into the 512 bytes of a
    /// datagram.
    static func datagram(from first: Int) -> [UInt8] {
        (0..<6).flatMap { line(first % printable.count + $0) }
    }
}
