import Testing

/// Keeps the floors of the house apart: nothing below knows anything above.
@Suite("Structure")
struct StructureTests {
    /// The folders of `Sources/Sockets` from the ground up. Folders on one floor may know each other.
    private static let floors: [String: Int] = [
        "System": 1, "Addresses": 2, "Errors": 3, "Names": 4, "Core": 5, "Stall": 6,
        "Blocking": 7, "EventLoop": 7, "Async": 8, "Server": 9, "Bridges": 9,
    ]

    /// The modules that only the bottom floor may import: the C library and what wraps it.
    private static let libc: Set = ["Glibc", "Musl", "Darwin", "Android", "CSockets"]

    private static let library = "Sources/Sockets"

    private struct Room {
        var file: SourceTree.File
        var code: SwiftCode
        var folder: String
    }

    /// Every file of the library that lies in a folder.
    private static func rooms() throws -> [Room] {
        try SourceTree.swiftFiles(below: library).compactMap { file in
            let components = file.components(below: library)
            guard components.count > 1 else { return nil }
            return Room(file: file, code: SwiftCode(file.text), folder: components[0])
        }
    }

    @Test("every folder of the library is a known floor, and files outside them only re-export")
    func everyFolderIsAKnownFloor() throws {
        let rooms = try Self.rooms()
        try #require(!rooms.isEmpty, "nothing was checked: no file below \(Self.library)")
        for room in rooms where Self.floors[room.folder] == nil {
            Issue.record("\(room.file.path): the folder \(room.folder) has no floor")
        }
        for file in try SourceTree.swiftFiles(below: Self.library)
        where file.components(below: Self.library).count == 1 {
            #expect(
                SwiftCode(file.text).declaredTypes.isEmpty,
                "\(file.path) declares types, but lies on no floor")
        }
    }

    @Test("no file names a type of a higher floor")
    func noFileNamesATypeOfAHigherFloor() throws {
        let rooms = try Self.rooms()
        var floorOfType: [String: Int] = [:]
        for room in rooms {
            guard let floor = Self.floors[room.folder] else { continue }
            for type in room.code.declaredTypes {
                floorOfType[type] = min(floor, floorOfType[type] ?? floor)
            }
        }
        try #require(!floorOfType.isEmpty, "nothing was checked: no type found")
        for room in rooms {
            guard let floor = Self.floors[room.folder] else { continue }
            for word in room.code.words {
                guard let above = floorOfType[word.text], above > floor else { continue }
                Issue.record(
                    """
                    \(room.file.path):\(word.line) is on floor \(floor) (\(room.folder)) and names \
                    \(word.text), which is on floor \(above)
                    """)
            }
        }
        let perFolder = Dictionary(grouping: rooms, by: \.folder).mapValues(\.count)
            .sorted { (Self.floors[$0.key] ?? 0, $0.key) < (Self.floors[$1.key] ?? 0, $1.key) }
            .map { "\($0.key) \($0.value)" }
        print(
            "Structure: \(rooms.count) files and \(floorOfType.count) types on their floors:",
            perFolder.joined(separator: ", "))
    }

    @Test("the C library and errno stay in System")
    func theCLibraryStaysInSystem() throws {
        let rooms = try Self.rooms()
        let upstairs = rooms.filter { $0.folder != "System" }
        try #require(!upstairs.isEmpty, "nothing was checked: no file outside System")
        for room in upstairs {
            for module in room.code.imports where Self.libc.contains(module) {
                Issue.record("\(room.file.path) imports \(module), which only System may")
            }
            // A property or a binding called `errno` is our own; the C library's is neither.
            guard !room.code.declares("errno") else { continue }
            for word in room.code.words where word.text == "errno" && word.precededBy != "." {
                Issue.record("\(room.file.path):\(word.line) reads errno, which only System may")
            }
        }
        #expect(
            rooms.contains { $0.folder == "System" && $0.code.imports.contains("Glibc") },
            "no file of System imports Glibc: this test no longer sees imports")
        print("Structure: \(upstairs.count) files without the C library")
    }

    @Test("the library does not import Foundation")
    func theLibraryDoesNotImportFoundation() throws {
        let files = try SourceTree.swiftFiles(below: Self.library)
        try #require(!files.isEmpty, "nothing was checked: no file below \(Self.library)")
        for file in files {
            for module in SwiftCode(file.text).imports where module.hasPrefix("Foundation") {
                Issue.record("\(file.path) imports \(module)")
            }
        }
    }

    @Test(
        "every source file has its test file under the same path",
        arguments: [("Sources/Sockets", "Tests/SocketsTests"), ("Sources/sock", "Tests/sockTests")])
    func everySourceFileHasItsTestFile(sources: String, tests: String) throws {
        // An entry point and a list of re-exports have nothing that a test could call.
        let exempt: Set = ["Sources/sock/main.swift", "Sources/Sockets/Sockets.swift"]
        let files = try SourceTree.swiftFiles(below: sources).filter { !exempt.contains($0.path) }
        try #require(!files.isEmpty, "nothing was checked: no file below \(sources)")
        var missing = 0
        for file in files {
            let mirrored = tests + file.path.dropFirst(sources.count).dropLast(".swift".count)
            let testFile = mirrored + "Tests.swift"
            guard SourceTree.exists(testFile) else {
                Issue.record("\(file.path) has no \(testFile)")
                missing += 1
                continue
            }
            #expect(
                SwiftCode(try SourceTree.text(of: testFile)).words.contains {
                    $0.text == "Test" && $0.precededBy == "@"
                },
                "\(testFile) contains no test")
        }
        let mirrored = files.count - missing
        print("Structure: \(mirrored) of \(files.count) files of \(sources) are mirrored")
    }
}
