// swift-tools-version:6.3
import PackageDescription

// A package of its own, so nothing of it reaches a user of the library. The C programs are the
// references. The same command builds them with -O2, which the package manager uses for C in
// release builds. SwiftNIO and FlyingSocks are compared too.
//
// The suite `tls` needs OpenSSL's headers and swift-nio-ssl, which takes minutes to build. So its
// programs are only in the package if the environment contains SOCKETS_BENCHMARK_TLS, which
// `run tls` and `count` set.
let hasTLS = Context.environment["SOCKETS_BENCHMARK_TLS"] != nil
let sockets: Target.Dependency = .product(name: "Sockets", package: "swift-sockets")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

let openSSL: [LinkerSetting] = [.linkedLibrary("ssl"), .linkedLibrary("crypto")]

let package = Package(
    name: "swift-sockets-benchmarks",
    dependencies: [
        .package(name: "swift-sockets", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ]
        + (hasTLS
            ? [.package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6")] : []),
    targets: [
        .executableTarget(
            name: "load",
            cSettings: [.define("_GNU_SOURCE")] + (hasTLS ? [.define("HAS_TLS")] : []),
            linkerSettings: hasTLS ? openSSL : []),
        .target(name: "c-server", cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(
            name: "c-echo", dependencies: ["c-server"], cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(
            name: "c-epoll", dependencies: ["c-server"], cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(name: "c-lines", cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(name: "swift-echo", dependencies: [sockets]),
        .executableTarget(name: "swift-async-echo", dependencies: [sockets]),
        .executableTarget(name: "swift-lines", dependencies: [sockets]),
        .executableTarget(name: "swift-connect", dependencies: [sockets]),
        .executableTarget(name: "swift-relay", dependencies: [sockets]),
        .target(name: "NIOServer", dependencies: nio, path: "Sources/nio-server"),
        .executableTarget(name: "nio-echo", dependencies: nio + ["NIOServer"]),
        .executableTarget(name: "nio-async-echo", dependencies: nio + ["NIOServer"]),
        .executableTarget(
            name: "flying-echo",
            dependencies: [.product(name: "FlyingSocks", package: "FlyingFox")]),
    ]
        + (hasTLS
            ? [
                .executableTarget(
                    name: "c-tls", dependencies: ["c-server"],
                    cSettings: [.define("_GNU_SOURCE")], linkerSettings: openSSL),
                .executableTarget(
                    name: "nio-tls",
                    dependencies: nio
                        + ["NIOServer", .product(name: "NIOSSL", package: "swift-nio-ssl")]),
            ] : []),
    cLanguageStandard: .gnu17
)
