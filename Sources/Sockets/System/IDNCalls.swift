internal import Glibc
internal import SystemPackage

/// The reason why a name could not be converted to its ASCII form.
enum IDNFailure: Error, Equatable {
    /// This machine has no libidn2.
    case noLibrary
    /// The name is not valid. The text is from idn2_strerror(3).
    case invalid(String)
    /// The library could not be loaded, because no descriptor was left.
    case system(Errno)
}

extension System {
    /// Returns the ASCII form of an international name: idn2_lookup_u8(3) of libidn2.
    ///
    /// getaddrinfo(3) with `AI_IDN` calls the same library, but it reads the name in the encoding
    /// of the locale, which is ASCII unless the program calls setlocale(3). The library is loaded
    /// when it is first used.
    ///
    /// `name` must not contain a NUL, because C would stop reading there.
    static func idn2_lookup_u8(_ name: String) throws(IDNFailure) -> String {
        let library = try IDNLibrary.loaded()
        var output: UnsafeMutablePointer<UInt8>?
        let code = Array(name.utf8 + [0]).withUnsafeBufferPointer { name in
            library.lookup(name.baseAddress, &output, IDNLibrary.flags)
        }
        guard code == 0, let output else {
            throw .invalid(library.message(code).map { String(cString: $0) } ?? "error \(code)")
        }
        defer { library.free(output) }
        return String(cString: output)
    }
}

/// The functions of libidn2 that are used.
private struct IDNLibrary: Sendable {
    typealias Lookup =
        @convention(c) (
            UnsafePointer<UInt8>?, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, Int32
        ) -> Int32
    typealias Free = @convention(c) (UnsafeMutableRawPointer?) -> Void
    typealias Message = @convention(c) (Int32) -> UnsafePointer<CChar>?

    let lookup: Lookup
    let free: Free
    let message: Message

    /// `IDN2_NFC_INPUT` and `IDN2_NONTRANSITIONAL` (UTS #46).
    static let flags: Int32 = 1 | 8

    /// The loaded library, or `nil` if no attempt to load it has succeeded yet.
    ///
    /// A failure is not stored, because a later attempt may succeed: the library may have been
    /// installed, or a descriptor may have become free.
    private static let library = Lock<IDNLibrary?>(nil)

    static func loaded() throws(IDNFailure) -> IDNLibrary {
        try library.withLock { library throws(IDNFailure) in
            if let library { return library }
            guard let handle = dlopen("libidn2.so.0", RTLD_NOW),
                let lookup = dlsym(handle, "idn2_lookup_u8"),
                let free = dlsym(handle, "idn2_free"), let message = dlsym(handle, "idn2_strerror")
            else {
                if let shortage = System.descriptorShortage(after: 0) { throw .system(shortage) }
                throw .noLibrary
            }
            // Safe: these are the types of idn2.h.
            let loaded = IDNLibrary(
                lookup: unsafeBitCast(lookup, to: Lookup.self),
                free: unsafeBitCast(free, to: Free.self),
                message: unsafeBitCast(message, to: Message.self))
            library = loaded
            return loaded
        }
    }
}
