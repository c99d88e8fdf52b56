internal import SystemPackage
package import Sockets

// Readers that are slow but not stuck.
extension Analysis {
    /// Samples the machine until more samples would not change the findings.
    ///
    /// This takes about half a second. It takes up to three seconds if the peer of a Unix socket
    /// has closed, or if a program that seems not to read may only read rarely.
    ///
    /// - Parameter lists: The lists of sockets to read.
    /// - Returns: The analysis.
    /// - Throws: An error of the kernel if it provides no list of sockets or if `/proc` cannot be
    ///   read.
    package static func ofMachine(
        _ lists: [MachineSocket.List] = MachineSocket.List.streams
    ) throws(Errno) -> Analysis {
        var samples = try MachineSamples.take(lists)
        var analysis = Analysis(samples)
        while analysis.isUndecided, samples.time < MachineSamples.longestTime {
            try samples.extend()
            analysis = Analysis(samples)
        }
        return analysis
    }

    /// A reader that takes bytes more slowly than the other end offers them.
    package struct SlowReader: Sendable {
        package var reader: MachineSocket
        /// The other end, or nil if it is not on this machine.
        package var writer: MachineSocket?
        package var bytesPerSecond: Int
        /// How many bytes wait for the reader.
        package var waiting: Int

        package init(
            reader: MachineSocket, writer: MachineSocket?, bytesPerSecond: Int, waiting: Int
        ) {
            self.reader = reader
            self.writer = writer
            self.bytesPerSecond = bytesPerSecond
            self.waiting = waiting
        }
    }

    /// The slow readers, each with its rate, in a stable order.
    ///
    /// An end that belongs to a finding is not listed, because its program may have read some bytes
    /// between the samples before it got stuck.
    package var slowReaders: [SlowReader] {
        let stuck = Set(findings.flatMap { $0.connections.joined() }.map(\.identity))
        return connections(where: { !$0.isQuiet }).flatMap { ends in
            ends.compactMap { end in
                guard existedBefore(end), !end.isOwnerless, !stuck.contains(end.identity) else {
                    return nil
                }
                return slowReader(end, other: ends.first { $0.identity != end.identity })
            }
        }
    }

    private func slowReader(_ end: MachineSocket, other: MachineSocket?) -> SlowReader? {
        if let other, existedBefore(other),
            case .peerReadingSlowly(let rate?) = report(of: other).verdict
        {
            return SlowReader(
                reader: end, writer: other, bytesPerSecond: rate,
                waiting: other.statistics.sendQueue ?? 0)
        }
        guard case .movingSlowly(let rate?, nil) = report(of: end).verdict,
            let unread = end.statistics.receiveQueue, unread > 0
        else { return nil }
        return SlowReader(reader: end, writer: other, bytesPerSecond: rate, waiting: unread)
    }

    /// A Boolean value that indicates whether further watching may change the findings.
    ///
    /// It may do so if a finding blames a program for not reading but the program may read soon, or
    /// if ``hasUndecidedEnd`` is true.
    var isUndecided: Bool {
        hasUndecidedEnd
            || findings.contains { finding in
                readers(blamedBy: finding).contains { reader in
                    let owners = processes(of: reader)
                    return owners.isEmpty
                        ? !reader.isOwnerless
                        : owners.contains { mayRead($0) }
                }
            }
    }

    private func readers(blamedBy finding: Finding) -> [MachineSocket] {
        guard let ends = finding.connections.first else { return [] }
        switch finding.kind {
        case .bothWriting: return ends
        case .peerNotReading: return Array(ends.dropFirst())
        case .notReading: return Array(ends.prefix(1))
        // The programs of a cycle wait, but other threads of these programs may still read.
        case .circularWait: return finding.connections.flatMap { $0.dropFirst() }
        default: return []
        }
    }

    /// Returns whether a process may read a moment later, because it runs from time to time.
    ///
    /// A process that is blocked in a write to a pipe or socket continues when the process at the
    /// other end reads.
    func mayRead(_ id: Int32, besides visited: Set<Int32> = []) -> Bool {
        guard !visited.contains(id), let process = machine.processes[id],
            process.state != .stopped, process.state != .traced, !classifier.stuck.contains(id)
        else { return false }
        guard let threads = process.threads,
            threads == samples.earlier?.processes[id]?.threads
        else { return true }
        return threads.contains { thread in
            guard let call = thread.call, !call.hasTimeout else { return true }
            switch call.wakeCondition {
            case .time, .unknown: return true
            case .thread, .child, .signal: return false
            case .descriptors(let watched):
                return watched.filter { $0.interest == .writing }.contains { entry in
                    readers(of: process.descriptors?[entry.descriptor])
                        .contains { mayRead($0, besides: visited.union([id])) }
                }
            }
        }
    }

    /// Returns the processes that can read what is written to a pipe or socket.
    private func readers(of target: MachineProcess.DescriptorTarget?) -> Set<Int32> {
        switch target {
        case .pipe(let inode): return ownership.holders(ofPipe: inode)
        case .socket(let inode):
            let socket = machine.sockets.first { $0.inode == inode }
            return Set(socket.flatMap(pairs.peer).map(processes) ?? [])
        case .eventfd, .epoll, nil: return []
        }
    }
}
