internal import Sockets
internal import CSockets
internal import Glibc
internal import SystemPackage

// What /proc shows of other programs: proc(5). They come and go while one looks, and much is hidden
// from those who are not root; so each call may fail, and says how.
extension System {
    /// opendir(3) and readdir(3): the names in a directory that are numbers.
    static func numbers(in path: String) throws(Errno) -> [Int32] {
        var directory: OpaquePointer?
        _ = try systemCall(.opendir) {
            directory = Glibc.opendir(path)
            return directory == nil ? Int32(-1) : 0
        }
        guard let directory else { return [] }
        defer { closedir(directory) }
        var found: [Int32] = []
        while let entry = readdir(directory) {
            // The name ends with a NUL, and lies in the entry for as long as the next is not read.
            let number = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                spelled(by: name.prefix { $0 != 0 })
            }
            if let number { found.append(number) }
        }
        return found
    }

    /// open(2), read(2) and close(2): what stands in a small file, at most so many bytes of it.
    static func contents(of path: String, atMost limit: Int) throws(Errno) -> [UInt8] {
        let file = try systemCall(.open) { Glibc.open(path, O_RDONLY | O_CLOEXEC) }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        while count < limit {
            let more = try systemCall(.read) {
                bytes.withUnsafeMutableBytes {
                    Glibc.read(file, $0.baseAddress! + count, limit - count)
                }
            }
            if more == 0 { break }
            count += more
        }
        bytes.removeSubrange(count...)
        return bytes
    }

    /// open(2) of a directory, for `readlinkat`; to be closed.
    static func openDirectory(_ path: String) throws(Errno) -> Int32 {
        try systemCall(.open) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    /// readlinkat(2): where a link that is called by a number leads; cut at 64 bytes, which is more
    /// than a socket's or a pipe's name has.
    static func readlinkat(_ directory: Int32, _ number: Int32) throws(Errno) -> [UInt8] {
        var target = [UInt8](repeating: 0, count: 64)
        let name = String(number)
        let count = try systemCall(.readlinkat) {
            target.withUnsafeMutableBytes { room in
                Glibc.readlinkat(
                    directory, name, room.baseAddress!.assumingMemoryBound(to: CChar.self),
                    room.count)
            }
        }
        target.removeSubrange(count...)
        return target
    }

    /// process_vm_readv(2): memory of another process, which nobody but its own user or root may see.
    static func memory(
        of process: Int32, at address: UInt64, count: Int
    ) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // An address that the other process does not have is no mistake of ours.
        let read = try systemCall(.process_vm_readv, ours: false) {
            bytes.withUnsafeMutableBytes {
                csockets_read_memory(process, address, $0.baseAddress, $0.count)
            }
        }
        bytes.removeSubrange(read...)
        return bytes
    }

    /// The name of a system call that waits for something, by its number on this machine.
    package static func nameOfCall(_ number: Int) -> String? {
        csockets_call_name(number).map { String(cString: $0) }
    }

    /// getpid(2)
    static func getpid() -> Int32 { Glibc.getpid() }

    /// The number that ASCII digits spell.
    private static func spelled(by digits: some Collection<UInt8>) -> Int32? {
        guard !digits.isEmpty, digits.count <= 10 else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return Int32(exactly: number)
    }
}
