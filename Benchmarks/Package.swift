// swift-tools-version:6.2
import PackageDescription

// A package of its own, so that nothing of it reaches a user of the library. The C programs are what
// the library is compared to; they are built by the same command, with the optimisation (-O2) that
// the package manager gives to C in release builds.
let package = Package(
    name: "swift-sockets-benchmarks",
    dependencies: [.package(name: "swift-sockets", path: "..")],
    targets: [
        .executableTarget(name: "load", cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(name: "c-echo", cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(name: "c-lines", cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(
            name: "swift-echo",
            dependencies: [.product(name: "Sockets", package: "swift-sockets")]),
        .executableTarget(
            name: "swift-lines",
            dependencies: [.product(name: "Sockets", package: "swift-sockets")]),
    ],
    cLanguageStandard: .gnu17
)
