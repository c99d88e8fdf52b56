// swift-tools-version:6.3
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// The tutorial's programs.
///
/// Each is a folder of `Examples/`, built and tested with the package.
let examples = [
    "BaseServer",
    "ChatServer",
    "DatagramClient",
    "DatagramServer",
    "Deadlock",
    "EchoServer",
    "ErrorClasses",
    "InformationClient",
    "KeyValueServer",
    "LineClient",
    "LineServer",
    "RespClient",
    "StalledConnection",
    "TCPForwarder",
    "TLSClient",
    "TLSServer",
]

/// The programs that the documentation promises.
///
/// `IntegrationTests/run` runs them.
let listings = ["BlockingClient", "TaskClient", "TaskEcho", "DatagramEcho", "LineExchange"]

/// Test targets and folders of tests that a build omits, such as `ExamplesTests SocketsTests/Addresses`.
///
/// `.ci/run` omits the tests in which a sanitizer finds nothing, because their compilation takes minutes.
let omittedTests = (Context.environment["SOCKETS_OMITTED_TESTS"] ?? "")
    .split(separator: " ").map(String.init)

/// A Boolean value that indicates whether `Fuzz/run` builds the package.
///
/// libFuzzer has a main function of its own, so the sources of `sock` become a library in that build.
let isFuzzing = Context.environment["SOCKETS_FUZZ"] != nil

let sockDependencies: [Target.Dependency] = [
    "CSock",
    "SocketDoctor",
    "Sockets",
    .product(name: "Logging", package: "swift-log"),
]

let testFolders = [
    "ExamplesTests", "SocketDoctorTests", "SocketsTests", "TestSupport", "sockTests",
]

/// Returns a test target that consists of folders of `Tests/`, without the omitted ones.
func tests(_ name: String, in folders: [String], dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies + ["TestSupport"],
        path: "Tests",
        // The package manager warns of files that no target mentions.
        exclude: testFolders.filter { !folders.contains($0) }
            + omittedTests.filter { path in folders.contains { path.hasPrefix($0) } },
        sources: folders,
        swiftSettings: settings
    )
}

let programs: [Target] = [
    .executableTarget(name: "sock", dependencies: sockDependencies, swiftSettings: settings),
    // The program that IntegrationTests/stalls questions; no product contains it.
    .executableTarget(
        name: "StallProbe", dependencies: ["Sockets"], path: "IntegrationTests/StallProbe"),
    // The program that IntegrationTests/faults hurts; no product contains it.
    .executableTarget(
        name: "FaultProbe", dependencies: ["Sockets"], path: "IntegrationTests/faults/Probe"),
    // The program that exchanges descriptors with Python; no product contains it.
    .executableTarget(
        name: "DescriptorPeer",
        dependencies: ["Sockets", .product(name: "SystemPackage", package: "swift-system")],
        path: "IntegrationTests/DescriptorPeer"),
    // The program that connects through proxies of other projects; no product contains it.
    .executableTarget(
        name: "ProxyClient", dependencies: ["Sockets"], path: "IntegrationTests/ProxyClient"),
    // The program that waits for the descriptor of libpq; no product contains it.
    .executableTarget(
        name: "PostgresClient", dependencies: ["Sockets"], path: "IntegrationTests/PostgresClient"),
]

let fuzzing: [Target] = [
    .target(
        name: "SockCode", dependencies: sockDependencies, path: "Sources/sock",
        exclude: ["main.swift"], swiftSettings: settings),
    .executableTarget(
        name: "Fuzz", dependencies: ["SockCode", "SocketDoctor", "Sockets"],
        path: "Fuzz/Sources",
        swiftSettings: settings),
]

let testTargets: [Target] = [
    .target(
        name: "TestSupport", dependencies: ["Sockets"], path: "Tests/TestSupport",
        swiftSettings: settings),
    tests(
        "SocketsTests", in: ["SocketsTests", "SocketDoctorTests"],
        dependencies: [
            "SocketDoctor", "Sockets", .product(name: "Logging", package: "swift-log"),
        ]),
    tests("sockTests", in: ["sockTests"], dependencies: ["sock"]),
    tests(
        "ExamplesTests", in: ["ExamplesTests"],
        dependencies: ["Sockets"] + examples.map { .init(stringLiteral: $0) }),
].filter { !omittedTests.contains($0.name) }

let package = Package(
    name: "swift-sockets",
    products: [.library(name: "Sockets", targets: ["Sockets"])]
        + (isFuzzing ? [] : [.executable(name: "sock", targets: ["sock"])]),
    traits: [
        .trait(
            name: "LinkedOpenSSL",
            description: "Links OpenSSL instead of loading it, for programs that are fully static.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.11.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    ],
    targets: [
        .target(name: "CSockets"),
        // OpenSSL is loaded when TLS is first used, unless the trait links it.
        .target(
            name: "CTLS",
            cSettings: [.define("CTLS_LINKED", .when(traits: ["LinkedOpenSSL"]))],
            linkerSettings: [
                .linkedLibrary("ssl", .when(traits: ["LinkedOpenSSL"])),
                .linkedLibrary("crypto", .when(traits: ["LinkedOpenSSL"])),
                .linkedLibrary("dl"),
            ]),
        .target(name: "CSock"),
        .target(
            name: "Sockets",
            dependencies: [
                "CSockets",
                "CTLS",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),
        // Examines every socket of the machine; only `sock doctor` uses it.
        .target(
            name: "SocketDoctor",
            dependencies: [
                "CSockets", "Sockets", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),
    ]
        + (isFuzzing ? fuzzing : programs + testTargets)
        // The examples are compiled as a newcomer would compile them, without flags.
        + examples.map {
            .executableTarget(name: $0, dependencies: ["Sockets"], path: "Examples/\($0)")
        }
        + listings.map {
            .executableTarget(
                name: $0, dependencies: ["Sockets"], path: "IntegrationTests/Listings/\($0)")
        }
)
