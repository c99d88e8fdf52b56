/// The name of a Unix socket: a path in the file system, or an abstract name.
///
/// A name consists of bytes, because the kernel accepts every byte except NUL in a path. A name
/// that is too long is rejected and never truncated. The corresponding C type is `struct
/// sockaddr_un`. A name is encoded as the text of its ``SocketAddress`` (`Codable`), such as
/// `/run/app.sock` or `@name`.
public struct UnixAddress: Hashable, Sendable {
    /// The kinds of names.
    public enum Kind: Hashable, Sendable {
        /// A path in the file system. Binding creates a file at the path.
        case path
        /// A name outside the file system (only on Linux). It disappears when its last socket is
        /// closed.
        case abstract
    }

    /// The largest number of bytes in a name: the 108 of `sun_path`, minus one for a NUL.
    ///
    /// The NUL ends a path or begins an abstract name.
    public static let maximumLength = 107

    /// A description of valid names, for error texts.
    package static let expectation =
        "expected a path, or @ and an abstract name, of 1 to \(maximumLength) bytes without NUL"

    /// The kind of the name.
    public let kind: Kind

    /// The name's bytes, without the NUL that ends a path or begins an abstract name.
    ///
    /// There are 1 to ``maximumLength`` bytes. A path contains no NUL.
    public let bytes: [UInt8]

    /// Creates the address of a path; `nil` if the path is empty, has more than 107 bytes as UTF-8,
    /// or contains a NUL.
    ///
    /// - Parameter path: The path.
    public init?(path: String) { self.init(pathBytes: Array(path.utf8)) }

    /// Creates the address of an abstract name; `nil` if the name is empty or has more than 107
    /// bytes as UTF-8.
    ///
    /// An empty name is rejected, because the kernel would choose another name in its place.
    ///
    /// - Parameter name: The name without the leading NUL or `@`.
    public init?(abstract name: String) { self.init(abstractBytes: Array(name.utf8)) }

    /// Creates the address of a path from its bytes; `nil` if the path is empty, has more than 107
    /// bytes, or contains a NUL.
    ///
    /// - Parameter pathBytes: The bytes, which need not be UTF-8.
    public init?(pathBytes: [UInt8]) {
        guard !pathBytes.contains(0) else { return nil }
        self.init(.path, pathBytes)
    }

    /// Creates the address of an abstract name from its bytes; `nil` if there are no bytes or more
    /// than 107.
    ///
    /// - Parameter abstractBytes: The bytes, which need not be UTF-8 and may contain NULs.
    public init?(abstractBytes: [UInt8]) { self.init(.abstract, abstractBytes) }

    private init?(_ kind: Kind, _ bytes: [UInt8]) {
        guard (1...Self.maximumLength).contains(bytes.count) else { return nil }
        self.kind = kind
        self.bytes = bytes
    }

    /// The path; `nil` for an abstract name.
    ///
    /// U+FFFD replaces bytes that are not UTF-8. ``bytes`` contains the original bytes.
    public var path: String? { kind == .path ? String(decoding: bytes, as: UTF8.self) : nil }
}

extension UnixAddress: CustomStringConvertible {
    /// The path, or `@` and the abstract name.
    ///
    /// Control and invisible characters and bytes that are not UTF-8 appear as `\xNN`, so the text
    /// is safe in a terminal.
    public var description: String {
        switch kind {
        case .path: TerminalText.escaped(bytes)
        case .abstract: "@\(TerminalText.escaped(bytes))"
        }
    }
}

// MARK: Text with a mark for abstract names

extension UnixAddress {
    /// Parses the bytes of a path, or of `@` and an abstract name.
    ///
    /// `\xNN` is not interpreted as an escape.
    package init?(markedBytes bytes: [UInt8]) {
        if bytes.first == UInt8(ascii: "@") {
            self.init(abstractBytes: Array(bytes.dropFirst()))
        } else {
            self.init(pathBytes: bytes)
        }
    }
}
