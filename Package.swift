// swift-tools-version: 6.2
import PackageDescription

// Targets stand in the order of their layers; a target may only import what its line names, and
// `script/build` makes the compiler refuse anything else (--explicit-target-dependency-import-check error).

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

func library(_ name: String, _ dependencies: Target.Dependency...) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// Release builds are linked by the toolchain's lld, for its packed table of relocations (else a megabyte or two of each program that
/// every process reads at its start; glibc knows it since 2.36), and export nothing: no plug-in looks for a symbol in our programs.
let linking: LinkerSetting = .unsafeFlags(
    ["-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs", "-Xlinker", "--no-export-dynamic"],
    .when(configuration: .release))

func program(_ name: String, _ dependencies: Target.Dependency...) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: [linking])
}

func tests(_ target: String, _ dependencies: Target.Dependency..., files: [String] = []) -> Target {
    .testTarget(
        name: target + "Tests", dependencies: [.byName(name: target), "TestSupport"] + dependencies, exclude: files,
        swiftSettings: strict)
}

/// What `millrace --version` shows. Builds for development leave it out: each commit would link all programs again. A build without
/// the repository (deploy/Dockerfile) is told it in its environment.
let commit: [CSetting] =
    (Context.environment["MILLRACE_COMMIT"] ?? Context.gitInformation?.currentCommit).map {
        [.define("MILLRACE_COMMIT", to: "\"\($0)\"", .when(configuration: .release))]
    } ?? []

let package = Package(
    name: "millrace",
    products: [
        .executable(name: "millrace", targets: ["Supervisor"]),
        .executable(name: "millrace-worker", targets: ["StratumWorker"]),
        .executable(name: "millrace-collector", targets: ["StatsCollector"]),
        .executable(name: "millrace-gateway", targets: ["ApiGateway"]),
        .executable(name: "millrace-practice-pool", targets: ["PracticePool"]),
        .executable(name: "millrace-swarm", targets: ["MinerSwarm"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // L0: the C libraries, as module maps with shims only for what Swift cannot import.
        .systemLibrary(name: "CLibuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .systemLibrary(name: "CMicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CRandomX", providers: [.apt(["librandomx-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CLinux", cSettings: commit),

        // L1, pure: bytes, events and time in; decisions and bytes out. No sockets, no clock, no randomness.
        library("Addresses"),
        library("Algorithms"),
        library("Secrets"),
        library("StratumProtocol", "Addresses", "Algorithms", "CSimdjson"),
        library("Telemetry"),
        library("Supervision"),
        library("Configuration", "Addresses", "Algorithms"),
        // The one with a C library: libcrypto computes, and keeps nothing. StratumProtocol has the written form.
        library("TLSRecords", "StratumProtocol", "CCrypto"),

        // L1, edge: one C library each, made safe.
        library("Linux", "CLinux"),
        library("EventLoop", "CLibuv", "Linux"),
        library("EventBus", "CZeroMQ", "Linux", "Telemetry"),
        library("DaemonKit", "Configuration", "Linux", "Secrets", logging),
        library("Control"),
        library("Continuity", "Configuration", "DaemonKit", "Linux", logging),
        library("Peers", "Addresses", "Linux"),
        library("Archive", "Telemetry", grdb),
        library("TLSHandshake", "COpenSSL"),
        library("HTTPServing", "Addresses", "CMicrohttpd", "CZlib", "Linux", "TLSHandshake", logging),
        library("Certificates", "Configuration", "DaemonKit", "TLSHandshake", logging),

        // L2, pure: what a shard decides, and the documents of the API. `Control` and `Peers` give it values to show.
        library("StratumSession", "Addresses", "Secrets", "StratumProtocol", "TLSRecords"),
        library("ApiDocuments", "Addresses", "Configuration", "Control", "Peers", "Telemetry"),

        // L3: wiring.
        program(
            "Supervisor", "Addresses", "Certificates", "Supervision", "Telemetry", "Configuration", "Continuity",
            "Control", "Peers", "EventLoop", "EventBus", "DaemonKit", "Linux", "TLSHandshake", argumentParser, logging),
        program(
            "StratumWorker", "Addresses", "StratumSession", "StratumProtocol", "Telemetry", "Configuration",
            "Certificates", "Continuity", "EventLoop", "EventBus", "DaemonKit", "Linux", "Peers", "Secrets",
            "TLSHandshake", "TLSRecords", logging),
        program(
            "StatsCollector", "Archive", "Telemetry", "Configuration", "Continuity", "EventBus", "EventLoop",
            "DaemonKit", logging),
        program(
            "ApiGateway", "Addresses", "ApiDocuments", "Certificates", "HTTPServing", "Archive", "Telemetry",
            "Configuration", "Continuity", "Control", "EventBus", "DaemonKit", "Linux", "Peers", "TLSHandshake",
            logging),

        // Practice: a strict pool and a swarm of miners for loopback, used by script/run, tests and benchmarks.
        library("HostileInput"),
        library("RandomX", "CRandomX", "EventLoop"),
        library("PracticeTLS", "EventLoop", "TLSHandshake"),
        program(
            "PracticePool", "HostileInput", "StratumProtocol", "EventLoop", "PracticeTLS", "RandomX", argumentParser),
        program(
            "MinerSwarm", "HostileInput", "StratumProtocol", "EventLoop", "PracticeTLS", "RandomX", argumentParser),

        // Measuring: single steps of the path of a share, and how often they allocate (script/bench --micro).
        .target(name: "CAllocations"),
        program("MicroBench", "StratumSession", "StratumProtocol", "Telemetry", "TLSRecords", "CAllocations"),

        // Tests: one target beside each, ProcessTests for the built binaries, and what they share: `TestSupport`, and
        // `ApiFixtures`, a farm in all documents of the API. No program is linked with these.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .target(
            name: "ApiFixtures",
            dependencies: ["Addresses", "ApiDocuments", "Control", "Peers", "Telemetry", "TestSupport"],
            path: "Tests/ApiFixtures", swiftSettings: strict),
        tests("Addresses"),
        tests("Algorithms"),
        tests("Secrets"),
        tests("StratumProtocol", "Addresses", "Algorithms", files: ["Golden"]),
        tests("HTTPServing", "Addresses", "ApiFixtures", "Linux", "TLSHandshake", logging),
        tests("StratumSession", "StratumProtocol", "TLSRecords"),
        tests("ApiDocuments", "Addresses", "ApiFixtures", "Configuration", "Control", "Peers", "Telemetry"),
        tests("Telemetry"),
        tests("Supervision"),
        tests("Configuration", "Addresses"),
        tests("TLSRecords", "StratumProtocol", "COpenSSLPeer"),
        .target(
            name: "COpenSSLPeer", path: "Tests/COpenSSLPeer",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        tests("TLSHandshake", "COpenSSL"),
        tests("EventLoop"),
        tests("EventBus", "Telemetry"),
        tests("DaemonKit", "Configuration", "Continuity", "Secrets", logging),
        tests("Control"),
        tests("Linux"),
        tests("Continuity", "Configuration", "DaemonKit", "Linux"),
        tests("Peers", "Addresses"),
        tests("Archive", "Telemetry", grdb, files: ["Golden"]),
        tests(
            "Supervisor", "Telemetry", "Configuration", "Continuity", "Control", "DaemonKit", "EventBus", "EventLoop",
            "Linux", "TLSHandshake"),
        tests(
            "StratumWorker", "StratumSession", "StratumProtocol", "Telemetry", "Configuration", "EventLoop", "Peers",
            "TLSRecords", logging),
        tests(
            "StatsCollector", "Archive", "Telemetry", "Configuration", "Continuity", "EventBus", "EventLoop",
            "DaemonKit", grdb),
        tests(
            "ApiGateway", "Addresses", "ApiDocuments", "ApiFixtures", "HTTPServing", "Archive", "Telemetry",
            "Configuration", "Continuity", "Control", "EventBus", "DaemonKit", "Linux", logging),
        tests("HostileInput"),
        tests("RandomX", "EventLoop"),
        tests("PracticeTLS", "EventLoop"),
        tests("PracticePool", "StratumProtocol"),
        tests("MinerSwarm", "PracticePool", "RandomX", "StratumProtocol"),
        .testTarget(
            name: "ProcessTests",
            dependencies: [
                "Configuration", "Continuity", "DaemonKit", "EventBus", "EventLoop", "Telemetry", "TestSupport",
            ],
            swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)
