import Foundation

/// The repository's files, as the structure tests see them.
enum SourceTree {
    struct File: Sendable {
        /// From the repository's root, as `Sources/Sockets/Names/Resolver.swift`.
        var path: String
        var text: String

        /// The folders and the name, below `root`.
        func components(below root: String) -> [String] {
            path.dropFirst(root.count + 1).split(separator: "/").map(String.init)
        }
    }

    /// The folder that holds `Package.swift`: three above this file's.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The Swift files below `folder`, in order of their paths; none where there is no such folder.
    static func swiftFiles(below folder: String) throws -> [File] {
        let folderURL = root.appendingPathComponent(folder)
        let found = FileManager.default.enumerator(atPath: folderURL.path)?.allObjects ?? []
        return
            try found
            .compactMap { $0 as? String }
            .filter { $0.hasSuffix(".swift") }
            .sorted()
            .map { try File(path: folder + "/" + $0, text: text(of: folder + "/" + $0)) }
    }

    static func text(of path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }
}
