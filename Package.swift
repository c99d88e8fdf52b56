// swift-tools-version:6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// The tutorial's programs: each is one folder of `Examples/`, built and tested with the package.
let examples = [
    "BaseServer",
    "DatagramClient",
    "DatagramServer",
    "Deadlock",
    "EchoServer",
    "ErrorClasses",
    "InformationClient",
    "LineClient",
    "LineServer",
    "StandStill",
]

/// What the design promises that these programs look like; IntegrationTests runs them.
let listings = ["BlockingClient", "TaskClient", "TaskEcho", "DatagramEcho", "LineExchange"]

let package = Package(
    name: "swift-sockets",
    products: [
        .library(name: "Sockets", targets: ["Sockets"]),
        .executable(name: "sock", targets: ["sock"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.11.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    ],
    targets: [
        .target(name: "CSockets"),
        .target(
            name: "Sockets",
            dependencies: [
                "CSockets",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),
        // Looks at every socket of the machine; only `sock doctor` uses it.
        .target(
            name: "SocketDoctor",
            dependencies: [
                "CSockets", "Sockets", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "sock",
            dependencies: [
                "SocketDoctor",
                "Sockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SocketsTests",
            dependencies: [
                "SocketDoctor", "Sockets", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests",
            exclude: ["ExamplesTests", "sockTests"],
            sources: ["SocketsTests", "SocketDoctorTests"],
            swiftSettings: settings
        ),
        // The end that IntegrationTests/stalls asks; nothing of it reaches a user.
        .executableTarget(
            name: "StallProbe", dependencies: ["Sockets"], path: "IntegrationTests/Stalls"),
        // What IntegrationTests/faults hurts.
        .executableTarget(
            name: "FaultProbe", dependencies: ["Sockets"], path: "IntegrationTests/faults/Probe"),
        .testTarget(name: "sockTests", dependencies: ["sock"], swiftSettings: settings),
        .testTarget(
            name: "ExamplesTests",
            dependencies: ["Sockets"] + examples.map { .init(stringLiteral: $0) },
            swiftSettings: settings
        ),
    ]
        // The examples are compiled as a newcomer would compile them: no flags.
        + examples.map {
            .executableTarget(name: $0, dependencies: ["Sockets"], path: "Examples/\($0)")
        }
        + listings.map {
            .executableTarget(
                name: $0, dependencies: ["Sockets"], path: "IntegrationTests/Listings/\($0)")
        }
)
