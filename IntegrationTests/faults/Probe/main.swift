// The program that the checks of reliability hurt: it uses both halves of the library.
//
//     FaultProbe rounds blocking|tasks                   a round of every call, in one process
//     FaultProbe copy WAY PORT [HOST]                    standard input there, what comes back here
//     FaultProbe datagrams blocking|tasks PORT COUNT [HOST]   numbered datagrams to an echo service
//     FaultProbe server KIND SECONDS                     what hostile peers call; tells of each caller
//     FaultProbe limits blocking|tasks COUNT             waits that only their limits end
//     FaultProbe pace blocking|tasks COUNT               transfers with peers who keep up
//     FaultProbe children                                what a busy server's child inherits
//
// A failure is told on standard error, and ends it with 1.
import Foundation
import Sockets

let words = Array(CommandLine.arguments.dropFirst())

func number(_ index: Int) throws -> UInt16 {
    try Port(parsing: words.indices.contains(index) ? words[index] : "").number ?? 0
}

do {
    switch (words.first, words.dropFirst().first) {
    case ("rounds", "blocking"): BlockingRounds().run()
    case ("rounds", "tasks"): await TaskRounds().run()
    case ("copy", let way?): try await Copying(way, port: number(2)).run()
    case ("datagrams", let way?):
        try await Datagrams(way, port: number(2), count: Int(number(3))).run()
    case ("server", let kind?): try await HostileServer(kind, words.last).run()
    case ("limits", "blocking"): try Limits(count: Int(number(2))).blocking()
    case ("limits", "tasks"): try await Limits(count: Int(number(2))).tasks()
    case ("pace", "blocking"): try await KeepingUp(count: Int(number(2))).blocking()
    case ("pace", "tasks"): try await KeepingUp(count: Int(number(2))).tasks()
    case ("children", _): try await Children.run()
    default: fatalError("usage: FaultProbe rounds|copy|datagrams|server|limits|pace|children ...")
    }
} catch {
    say("\(error)", on: .standardError)
    exit(1)
}

/// Writes one line at once: whoever reads it acts on it.
func say(_ line: String, on stream: FileHandle = .standardOutput) {
    stream.write(Data((line + "\n").utf8))
}

/// How many sockets and event loops the process has open.
func openDescriptors() -> Int {
    let folder = "/proc/self/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { name in
        let target = try? FileManager.default.destinationOfSymbolicLink(
            atPath: "\(folder)/\(name)")
        return target?.hasPrefix("socket:") ?? false
    }.count
}
