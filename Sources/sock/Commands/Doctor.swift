import Sockets

/// The command `sock doctor`, which reports which sockets of this machine are stuck, and why.
struct Doctor: Command {
    static let usage = ["sock doctor [PORT]"]
    static let summary = "which sockets are stuck, and why"
    static let details = """
        Examines all TCP and Unix stream sockets, or only those that match PORT, --pid and \
        --program. Names the programs that hold PORT, TCP or UDP. Prints what is stuck, the \
        worst first: both ends, which process waits for which, for how long, and what to do. It \
        takes half a second, or up to three seconds if it must watch a program for longer, and \
        changes nothing. Root sees the programs of all users. Exit status: 0 nothing is stuck, or \
        only possibly, 1 something is stuck, 2 usage, 3 no such port, process or program, 4 \
        sockets cannot be examined.
        """

    private let filter: DoctorFilter
    private let showsAll: Bool
    private let repeats: Bool
    private let isJSON: Bool

    init(_ arguments: Arguments) throws {
        filter = try DoctorFilter(
            words: arguments.operands, process: arguments[.pid], program: arguments[.program])
        showsAll = arguments.has(.all)
        repeats = arguments.has(.watch)
        isJSON = arguments.has(.json)
    }

    func run() throws {
        let runner = DoctorRunner(filter, showsAll: showsAll, isJSON: isJSON)
        guard repeats else {
            let status = try runner.run()
            if status != .success { Termination.exit(status) }
            return
        }
        try runner.runRepeatedly()
    }
}
