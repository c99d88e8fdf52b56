// swift-tools-version:6.2
import PackageDescription

// What is fuzzed is not public: this package says that it is the one above it. The package manager calls
// that by its folder, in small letters, with `_` for what cannot stand in a name.
let folder = Context.packageDirectory.split(separator: "/").dropLast().last ?? ""
let above = String(folder.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .unsafeFlags(["-package-name", above]),
]

// A package of its own, because everything in it is built with the fuzzer's instrumentation. See `run`.
let package = Package(
    name: "swift-sockets-fuzz",
    dependencies: [
        .package(name: "swift-sockets", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.11.0"),
    ],
    targets: [
        // The program's sources as a library: a link to them, without their entry point.
        .target(
            name: "SockCode",
            dependencies: [
                .product(name: "Sockets", package: "swift-sockets"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["main.swift"], packageAccess: false, swiftSettings: settings),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "SockCode", .product(name: "Sockets", package: "swift-sockets"),
            ],
            packageAccess: false, swiftSettings: settings),
    ]
)
