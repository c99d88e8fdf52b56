internal import Sockets
internal import CSockets
internal import Glibc
internal import SystemPackage

// Calls that read /proc about other processes; see proc(5). Each call may fail, because a process
// may end while it is read, and because much is hidden from users other than root.
extension System {
    /// Returns the numeric names in a directory, with opendir(3) and readdir(3).
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
            // This is safe because the name ends with a NUL and is valid until the next call to
            // readdir.
            let number = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                Decimal.value(of: name.prefix { $0 != 0 }, maximum: UInt32(Int32.max))
            }
            if let number { found.append(Int32(number)) }
        }
        return found
    }

    /// Reads up to `limit` bytes of a file with open(2), read(2) and close(2).
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

    /// Opens a directory for `readlinkat`, with open(2).
    ///
    /// The caller must close the descriptor.
    static func openDirectory(_ path: String) throws(Errno) -> Int32 {
        try systemCall(.open) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    /// Returns the target of a link whose name is a number, with readlinkat(2).
    ///
    /// The target is truncated to 64 bytes, which is enough for a socket or a pipe.
    static func readlinkat(_ directory: Int32, _ number: Int32) throws(Errno) -> [UInt8] {
        var target = [UInt8](repeating: 0, count: 64)
        let name = String(number)
        let count = try systemCall(.readlinkat) {
            target.withUnsafeMutableBytes { buffer in
                Glibc.readlinkat(
                    directory, name, buffer.baseAddress!.assumingMemoryBound(to: CChar.self),
                    buffer.count)
            }
        }
        target.removeSubrange(count...)
        return target
    }

    /// Reads the memory of another process with process_vm_readv(2).
    ///
    /// Only root and the user of that process may read it.
    static func memory(
        of process: Int32, at address: UInt64, count: Int
    ) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // The address comes from another process, so EFAULT is not a bug of this program.
        let read = try systemCall(.process_vm_readv, fromUser: true) {
            bytes.withUnsafeMutableBytes {
                csockets_read_memory(process, address, $0.baseAddress, $0.count)
            }
        }
        bytes.removeSubrange(read...)
        return bytes
    }

    /// Returns the name of a user with getpwuid_r(3), or nil if the user has no name.
    static func nameOfUser(_ user: UInt32) -> [UInt8]? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        return buffer.withUnsafeMutableBufferPointer { buffer in
            let code = getpwuid_r(user, &entry, buffer.baseAddress!, buffer.count, &found)
            // This is safe because the name points into the buffer and ends with a NUL.
            guard code == 0, found != nil, let name = entry.pw_name else { return nil }
            return Array(String(cString: name).utf8)
        }
    }

    /// Returns the name of the system call with this number on this machine, or nil if the call
    /// cannot wait.
    static func nameOfCall(_ number: Int) -> String? {
        csockets_call_name(number).map { String(cString: $0) }
    }
}
