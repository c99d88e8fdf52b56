import Foundation

/// The files of the repository.
enum SourceTree {
    struct File: Sendable {
        /// The path from the root of the repository, such as `Sources/Sockets/Names/Resolver.swift`.
        var path: String
        var text: String
    }

    /// The folder that contains `Package.swift`, three levels above this file's folder.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Returns the Swift files below `folder` in order of their paths, or none if it does not exist.
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
}
