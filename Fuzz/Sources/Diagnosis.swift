// The parsers of kernel data are internal.
@testable import SocketDoctor
@testable import Sockets

/// Passes an input to a parser of what the kernel reports about sockets and programs.
///
/// No parser may trap. The first byte selects the parser.
func checkDiagnosis(_ input: [UInt8]) {
    var reader = InputReader(input)
    let kind = reader.byte()
    let rest = reader.take(input.count)
    switch kind % 4 {
    case 0: _ = MachineSocket.decode(rest[...], at: .seconds(1))
    case 1: checkMessages(rest)
    case 2: checkStatistics(rest)
    default: checkProcess(rest)
    }
}

/// Parses two messages with valid headers, so that the parser reaches their contents.
private func checkMessages(_ input: [UInt8]) {
    let half = input.count / 2
    let message = netlinkMessage(Array(input[..<half])) + netlinkMessage(Array(input[half...]))
    checkSockets(MachineSocket.decode(message[...], at: .seconds(1)).sockets)
}

private func checkStatistics(_ input: [UInt8]) {
    let half = input.count / 2
    var earlier = ConnectionStatistics(takenAt: .seconds(1))
    earlier.apply(tcpInfo: Array(input[..<half]))
    var later = earlier
    later.takenAt += .seconds(1)
    later.apply(tcpInfo: Array(input[half...]))
    (later.receiveQueue, later.sendQueue) = (later.bytesReceived, later.notSent)
    _ = StallReport.analyze(earlier, later, during: .nothing).description
}

private func checkProcess(_ input: [UInt8]) {
    if let process = MachineProcess(stat: input) { _ = process.description }
    _ = MachineProcess.DescriptorTarget(link: input)
    _ = MachineThread.runCounter(schedstat: input)
    if let call = BlockedCall(syscall: input, name: { $0 % 2 == 0 ? "poll" : "futex" }) {
        _ = call.source
    }
    _ = BlockedCall.watched(pollArray: input)
    _ = BlockedCall.watched(fdinfo: input)
    _ = BlockedCall.watched(reading: input, writing: input, count: input.count * 9)
}

/// Returns a netlink message with this body and the correct length.
private func netlinkMessage(_ body: [UInt8]) -> [UInt8] {
    var message = Array(NetlinkMessage.request(body))
    while message.count % 4 != 0 { message.append(0) }
    return message
}

/// Analyzes the sockets as those of a machine with one process.
private func checkSockets(_ sockets: [MachineSocket]) {
    let inodes = sockets.prefix(4).enumerated().map { (Int32($0), $1.inode) }
    let process = MachineProcess(
        id: 1, name: "program",
        descriptors: Dictionary(inodes.map { ($0, .socket(inode: $1)) }) { $1 },
        threads: [
            MachineThread(id: 1, call: BlockedCall("read", .descriptors([.init(0, .reading)])))
        ])
    let machine = Machine(takenAt: .seconds(1), sockets: sockets, processes: [process])
    let analysis = Analysis(MachineSamples(earlier: machine, later: machine))
    for finding in analysis.findings { _ = (finding.evidence, finding.advice) }
    for ends in analysis.connections { _ = analysis.report(of: ends[0]).description }
}
