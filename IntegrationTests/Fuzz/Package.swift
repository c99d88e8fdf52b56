// swift-tools-version:6.2
import PackageDescription

// A package of its own, because everything in it is built with the fuzzer's instrumentation. See `run`.
let package = Package(
    name: "swift-sockets-fuzz",
    dependencies: [.package(name: "swift-sockets", path: "../..")],
    targets: [
        .executableTarget(
            name: "Fuzz",
            dependencies: [.product(name: "Sockets", package: "swift-sockets")])
    ]
)
