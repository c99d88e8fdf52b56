/// The name of a socket on this machine: a path of the file system, or an abstract name.
///
/// Names are bytes, not text: the kernel accepts any but NUL in a path. A name that is too long is
/// refused, never cut. The corresponding C type is `struct sockaddr_un`.
public struct UnixAddress: Hashable, Sendable {
    /// The two kinds of names.
    public enum Kind: Hashable, Sendable {
        /// A path of the file system, where binding creates an entry.
        case path
        /// A name apart from the file system, which goes away with its last socket (Linux).
        case abstract
    }

    /// How many bytes a name can have: the 108 of `sun_path`, less one.
    ///
    /// The one is the NUL at the end of a path, or at the beginning of an abstract name.
    public static let maximumLength = 107

    /// Whether the name is a path or an abstract one.
    public let kind: Kind

    /// The name's bytes, without the NUL that ends a path or marks an abstract name.
    ///
    /// Never empty, and at most ``maximumLength``. Bytes of a path are never NUL.
    public let bytes: [UInt8]

    /// Names a path; `nil` when it is empty, has more than 107 bytes as UTF-8, or contains a NUL.
    public init?(path: String) {
        self.init(pathBytes: Array(path.utf8))
    }

    /// Names an abstract socket, without the leading NUL or `@`; `nil` when the name is empty or
    /// has more than 107 bytes as UTF-8.
    ///
    /// The kernel would take an empty name for the wish to be given one.
    public init?(abstract name: String) {
        self.init(abstractBytes: Array(name.utf8))
    }

    /// Names a path by its bytes, which need not be UTF-8; `nil` as for ``init(path:)``.
    public init?(pathBytes: [UInt8]) {
        guard !pathBytes.contains(0) else { return nil }
        self.init(.path, pathBytes)
    }

    /// Names an abstract socket by its bytes, any of them, also NUL; `nil` as for
    /// ``init(abstract:)``.
    public init?(abstractBytes: [UInt8]) {
        self.init(.abstract, abstractBytes)
    }

    private init?(_ kind: Kind, _ bytes: [UInt8]) {
        guard (1...Self.maximumLength).contains(bytes.count) else { return nil }
        self.kind = kind
        self.bytes = bytes
    }

    /// The path; `nil` for an abstract name. Bytes that are not UTF-8 are repaired: for the exact
    /// ones see ``bytes``.
    public var path: String? {
        kind == .path ? String(decoding: bytes, as: UTF8.self) : nil
    }
}

extension UnixAddress: CustomStringConvertible {
    /// The path as it is, or `@` and the abstract name.
    ///
    /// Control and invisible characters and bytes that are not UTF-8 are written `\xNN`, so that
    /// the text is safe in a terminal.
    public var description: String {
        switch kind {
        case .path: TerminalText.escaped(bytes)
        case .abstract: "@\(TerminalText.escaped(bytes))"
        }
    }
}

// MARK: Text with a mark for abstract names

extension UnixAddress {
    /// Reads a name as `unix:` is followed by one: `@` and an abstract name, otherwise a path.
    ///
    /// What the user wrote is taken literally, with no escapes.
    package init?(marked text: String) {
        self.init(markedBytes: Array(text.utf8))
    }

    /// Reads the same from bytes.
    package init?(markedBytes bytes: [UInt8]) {
        if bytes.first == UInt8(ascii: "@") {
            self.init(abstractBytes: Array(bytes.dropFirst()))
        } else {
            self.init(pathBytes: bytes)
        }
    }
}
