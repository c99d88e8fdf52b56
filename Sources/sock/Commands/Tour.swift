import ArgumentParser

/// `sock tour`: the tutorial, live.
struct Tour: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The tutorial of network programming, live, on this machine alone.")

    func run() throws {}
}
