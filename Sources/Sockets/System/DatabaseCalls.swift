internal import Glibc

extension System {
    /// Repeats a reentrant call of netdb.h with a larger buffer until the entry fits, and returns a
    /// copy of the entry.
    ///
    /// - Throws: The failure that `makeFailure` creates from the result of `call` and from `errno`,
    ///   which was 0 before the call.
    static func databaseEntry<Entry, Copy, Failure: Error>(
        _ empty: Entry, copiedBy copy: (Entry) -> Copy,
        from call: (
            UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>
        ) -> Int32,
        orThrow makeFailure: (Int32, Int32) -> Failure
    ) throws(Failure) -> Copy {
        var size = 1024
        while true {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            var entry = empty
            var result: UnsafeMutablePointer<Entry>?
            Glibc.errno = 0
            let code = call(&entry, buffer, size, &result)
            // Safe: the result is `entry`, whose pointers point into `buffer`. Neither has been
            // freed yet.
            if code == 0, let found = result?.pointee { return copy(found) }
            guard code == ERANGE, size < nameBufferLimit else {
                throw makeFailure(code, Glibc.errno)
            }
            size *= 2
        }
    }
}

/// Returns the pointers of a list that ends with a null pointer.
func pointers(
    inList list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> [UnsafeMutablePointer<CChar>] {
    guard var position = list else { return [] }
    var pointers: [UnsafeMutablePointer<CChar>] = []
    while let pointer = position.pointee {
        pointers.append(pointer)
        position += 1
    }
    return pointers
}

/// Returns copies of the strings in a list that ends with a null pointer.
///
/// U+FFFD replaces invalid UTF-8.
func strings(inList list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [String] {
    pointers(inList: list).map { String(cString: $0) }
}
