import Glibc

@testable import Sockets

/// Feeds one input to what copies the answers of libc's look-ups: services, hosts and addresses, with
/// names that a name server or a file may have made up.
func checkLookups(_ input: [UInt8]) {
    var pieces = Pieces(input)
    let kind = pieces.byte()
    let number = pieces.byte()
    let memory = Memory()
    let name = memory.string(pieces.text())
    let list = memory.list((0..<number % 5).map { _ in memory.string(pieces.text()) })
    switch kind % 3 {
    case 0: checkService(name, list, number, memory, &pieces)
    case 1: checkHost(name, list, number, memory, &pieces)
    default: checkQuestions(input)
    }
}

/// What libc hands out, in blocks of exactly their size.
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
    _ memory: Memory, _ pieces: inout Pieces
) {
    var entry = servent()
    entry.s_name = number & 1 == 0 ? name : nil
    entry.s_aliases = number & 2 == 0 ? aliases : nil
    entry.s_port = Int32(pieces.byte()) << 8 | Int32(pieces.byte())
    entry.s_proto = memory.string(pieces.text())
    let service = Services.ServiceEntry(RawServiceEntry(entry))
    let port = UInt16(truncatingIfNeeded: entry.s_port).byteSwapped
    require(service.port == port, "another port", service.name)
}

private func checkHost(
    _ name: UnsafeMutablePointer<CChar>,
    _ aliases: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ number: UInt8,
    _ memory: Memory, _ pieces: inout Pieces
) {
    let length = [0, 4, 16, 7][Int(pieces.byte() % 4)]
    var entry = hostent()
    entry.h_name = number & 1 == 0 ? name : nil
    entry.h_aliases = number & 2 == 0 ? aliases : nil
    entry.h_length = Int32(length)
    entry.h_addr_list = memory.list(
        (0..<number % 4).map { _ in
            let bytes = pieces.take(length)
            return memory.block(bytes + [UInt8](repeating: 0, count: length - bytes.count))
        })
    let host = Resolver.HostEntry(RawHostEntry(entry))
    require(
        length == 4 || length == 16 || host.addresses.isEmpty, "an address of no kind", host.name)
    for address in host.addresses { requirePrintable(address.description, host.name) }
}

/// What is asked of libc, before it is asked.
private func checkQuestions(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    do throws(SocketError) {
        try HostName.check(text)
        require(!text.utf8.contains(0), "a name that C would cut", text)
    } catch {
        requirePrintable(error.description, text)
    }
    // The services database is a file; only names that it cannot hold are of interest here.
    guard text.utf8.contains(where: { $0 < 0x21 }) || text.isEmpty else { return }
    do throws(SocketError) {
        _ = try Services.port(named: text)
        require(false, "a service without a name", text)
    } catch {
        requirePrintable(error.description, text)
    }
}
