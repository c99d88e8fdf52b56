/// Parses one digit and as many letters as the digit says.
func countedText(_ bytes: RawSpan) -> (consumed: Int, value: String)? {
    let bytes = bytes.withUnsafeBytes { Array($0) }
    let count = Int(bytes[0]) - 0x30
    guard bytes.count > count else { return nil }
    return (count + 1, String(decoding: bytes[1...count], as: UTF8.self))
}
