// What the doctor reads from the kernel is the library's own business, and no user's.
@testable import SocketDoctor
@testable import Sockets

/// Feeds one input to what reads what the kernel tells of sockets and programs. Nothing may trap,
/// whatever it is told. The first byte says what the rest is.
func checkDiagnosis(_ input: [UInt8]) {
    var pieces = Pieces(input)
    let kind = pieces.byte()
    let rest = pieces.take(input.count)
    switch kind % 4 {
    case 0: _ = MachineSocket.decode(rest[...], at: .seconds(1))
    case 1: checkAnswers(rest)
    case 2: checkFigures(rest)
    default: checkProcess(rest)
    }
}

/// With headers that are right, what stands behind them is read further.
private func checkAnswers(_ input: [UInt8]) {
    let half = input.count / 2
    let message = answer(Array(input[..<half])) + answer(Array(input[half...]))
    checkSockets(MachineSocket.decode(message[...], at: .seconds(1)).sockets)
}

private func checkFigures(_ input: [UInt8]) {
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
    _ = MachineProcess.Target(link: input)
    _ = MachineThread.turns(schedstat: input)
    if let call = BlockedCall(syscall: input, name: { $0 % 2 == 0 ? "poll" : "futex" }) {
        _ = call.source
    }
    _ = BlockedCall.watched(pollArray: input)
    _ = BlockedCall.watched(fdinfo: input)
    _ = BlockedCall.watched(reading: input, writing: input, count: input.count * 9)
}

/// A message of netlink with this body, as long as it says.
private func answer(_ body: [UInt8]) -> [UInt8] {
    var message = Array(NetlinkMessage.request(body))
    while message.count % 4 != 0 { message.append(0) }
    return message
}

/// Judges sockets as if they were a machine's.
private func checkSockets(_ sockets: [MachineSocket]) {
    let inodes = sockets.prefix(4).enumerated().map { (Int32($0), $1.inode) }
    let process = MachineProcess(
        id: 1, name: "program",
        descriptors: Dictionary(inodes.map { ($0, .socket(inode: $1)) }) { $1 },
        threads: [
            MachineThread(id: 1, call: BlockedCall("read", .descriptors([.init(0, .reading)])))
        ])
    let machine = Machine(takenAt: .seconds(1), sockets: sockets, processes: [process])
    let examination = Analysis(Sampler(earlier: machine, later: machine))
    for ailment in examination.ailments { _ = (ailment.evidence, ailment.advice) }
    for ends in examination.connections { _ = examination.report(of: ends[0]).description }
}
