// The program under test in the reliability checks. It uses the blocking and the async API.
//
//     FaultProbe rounds blocking|tasks                   makes every call once in one process
//     FaultProbe copy METHOD PORT [HOST]                 sends standard input, prints the reply
//     FaultProbe datagrams blocking|tasks PORT COUNT [HOST]   numbered datagrams to an echo service
//     FaultProbe server KIND SECONDS                     serves hostile peers, reports each connection
//     FaultProbe limits blocking|tasks COUNT             waits that only their limits end
//     FaultProbe pace blocking|tasks COUNT               transfers with peers that are always ready
//     FaultProbe lookups blocking|tasks STUCK SECONDS NAME...   looks names up after STUCK abandoned ones
//     FaultProbe upgrades blocking|tasks COUNT AT-ONCE   upgrades connections to TLS on both ends
//     FaultProbe children                                prints what a busy server's child inherits
//
// An error is printed on standard error, and the exit code is then 1.
import Foundation
import Sockets

let arguments = Array(CommandLine.arguments.dropFirst())

func number(_ index: Int) throws -> UInt16 {
    try Port(parsing: arguments.indices.contains(index) ? arguments[index] : "").number ?? 0
}

do {
    switch (arguments.first, arguments.dropFirst().first) {
    case ("rounds", "blocking"): BlockingRounds().run()
    case ("rounds", "tasks"): await TaskRounds().run()
    case ("copy", let method?): try await Transfer(method, port: number(2)).run()
    case ("datagrams", let method?):
        try await Datagrams(method, port: number(2), count: Int(number(3))).run()
    case ("server", let kind?): try await HostileServer(kind, arguments.last).run()
    case ("limits", "blocking"): try Limits(count: Int(number(2))).blocking()
    case ("limits", "tasks"): try await Limits(count: Int(number(2))).tasks()
    case ("pace", "blocking"): try await AlwaysReadyPeers(count: Int(number(2))).blocking()
    case ("pace", "tasks"): try await AlwaysReadyPeers(count: Int(number(2))).tasks()
    case ("lookups", "blocking"): Lookups(arguments.dropFirst(2)).blocking()
    case ("lookups", "tasks"): await Lookups(arguments.dropFirst(2)).tasks()
    case ("upgrades", "blocking"):
        try await Upgrades(count: Int(number(2)), atOnce: Int(number(3))).blocking()
    case ("upgrades", "tasks"):
        try await Upgrades(count: Int(number(2)), atOnce: Int(number(3))).tasks()
    case ("children", _): try await Children.run()
    default:
        fatalError(
            "usage: FaultProbe rounds|copy|datagrams|server|limits|pace|lookups|upgrades|children ..."
        )
    }
} catch {
    say("\(error)", on: .standardError)
    exit(1)
}

/// Writes a line without buffering, because the reader acts on it.
func say(_ line: String, on stream: FileHandle = .standardOutput) {
    stream.write(Data((line + "\n").utf8))
}

/// Returns the number of sockets that the process has open.
func openDescriptors() -> Int {
    let folder = "/proc/self/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { name in
        let target = try? FileManager.default.destinationOfSymbolicLink(
            atPath: "\(folder)/\(name)")
        return target?.hasPrefix("socket:") ?? false
    }.count
}
