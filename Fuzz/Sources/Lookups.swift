import Glibc

@testable import Sockets

/// Passes an input to the code that copies libc's results of lookups: services, hosts and addresses.
///
/// The names may come from a hostile name server or file.
func checkLookups(_ input: [UInt8]) {
    var reader = InputReader(input)
    let kind = reader.byte()
    let number = reader.byte()
    let memory = Memory()
    let name = memory.string(reader.text())
    let list = memory.list((0..<number % 5).map { _ in memory.string(reader.text()) })
    switch kind % 3 {
    case 0: checkService(name, list, number, memory, &reader)
    case 1: checkHost(name, list, number, memory, &reader)
    default: checkQueries(input)
    }
}

/// Memory like that of libc's results, in blocks of exact sizes.
private final class Memory {
    private var blocks: [UnsafeMutableRawPointer] = []
    deinit { for block in blocks { free(block) } }

    func block(_ bytes: [UInt8]) -> UnsafeMutablePointer<CChar> {
        guard let block = malloc(max(1, bytes.count)) else { fatalError("no memory") }
        blocks.append(block)
        block.copyMemory(from: bytes, byteCount: bytes.count)
        return block.assumingMemoryBound(to: CChar.self)
    }

    func string(_ bytes: [UInt8]) -> UnsafeMutablePointer<CChar> { block(bytes + [0]) }

    func list(
        _ entries: [UnsafeMutablePointer<CChar>]
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
        let size = MemoryLayout<UnsafeMutablePointer<CChar>?>.stride
        let block = block([UInt8](repeating: 0, count: size * (entries.count + 1)))
        let list = UnsafeMutableRawPointer(block).assumingMemoryBound(
            to: UnsafeMutablePointer<CChar>?.self)
        for (index, entry) in entries.enumerated() { list[index] = entry }
        return list
    }
}

private func checkService(
    _ name: UnsafeMutablePointer<CChar>,
    _ aliases: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ number: UInt8,
    _ memory: Memory, _ reader: inout InputReader
) {
    var entry = servent()
    entry.s_name = number & 1 == 0 ? name : nil
    entry.s_aliases = number & 2 == 0 ? aliases : nil
    entry.s_port = Int32(reader.byte()) << 8 | Int32(reader.byte())
    entry.s_proto = memory.string(reader.text())
    let service = Services.ServiceEntry(RawServiceEntry(entry))
    let port = UInt16(truncatingIfNeeded: entry.s_port).byteSwapped
    require(service.port == port, "the port is wrong", service.name)
}

private func checkHost(
    _ name: UnsafeMutablePointer<CChar>,
    _ aliases: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ number: UInt8,
    _ memory: Memory, _ reader: inout InputReader
) {
    let length = [0, 4, 16, 7][Int(reader.byte() % 4)]
    var entry = hostent()
    entry.h_name = number & 1 == 0 ? name : nil
    entry.h_aliases = number & 2 == 0 ? aliases : nil
    entry.h_length = Int32(length)
    entry.h_addr_list = memory.list(
        (0..<number % 4).map { _ in
            let bytes = reader.take(length)
            return memory.block(bytes + [UInt8](repeating: 0, count: length - bytes.count))
        })
    let host = Resolver.HostEntry(RawHostEntry(entry))
    require(
        length == 4 || length == 16 || host.addresses.isEmpty, "an address of an unknown length",
        host.name)
    for address in host.addresses { requirePrintable(address.description, host.name) }
}

/// Checks the names that the library passes to libc.
private func checkQueries(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    do throws(SocketError) {
        try HostName.check(text)
        require(!text.utf8.contains(0), "a name that C would truncate", text)
    } catch {
        requirePrintable(error.description, text)
    }
    // The services database is a file, so only names that it cannot contain are checked here.
    guard text.utf8.contains(where: { $0 < 0x21 }) || text.isEmpty else { return }
    do throws(SocketError) {
        _ = try Services.port(named: text)
        require(false, "an impossible service name was found", text)
    } catch {
        requirePrintable(error.description, text)
    }
}
