import ArgumentParser
import Sockets

/// `sock tour`: the tutorial of network programming, chapter by chapter, live.
struct Tour: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The tutorial of network programming, live, on this machine alone.",
        discussion: """
            Every chapter explains one thing, shows the lines of Swift that do it, runs them, and \
            tells what they gave. Nothing leaves the machine; it takes about three seconds.
            """)

    func run() throws {
        let guide = Guide()
        let stage = try TourStage.open()
        defer { stage.close() }

        try guide.title("Network programming, live: eleven steps from a socket to a deadlock")
        try ClientChapters.descriptors(guide)
        try ClientChapters.families(guide)
        try ClientChapters.names(guide, stage)
        try ClientChapters.addresses(guide, stage)
        try ClientChapters.streams(guide, stage)
        try ErrorChapter.classes(guide)
        try ClientChapters.datagrams(guide, stage)
        try ServerChapters.binding(guide)
        try ServerChapters.accepting(guide)
        try ServerChapters.datagrams(guide)
        try DeadlockChapter.deadlock(guide)

        try guide.chapter("And now", "the same from the shell")
        try guide.code(
            """
            sock serve echo 7007          # in one window
            sock localhost 7007           # in another: type, and see it come back
            sock info localhost 7007      # every step of connecting
            sock --help
            """)
    }
}
