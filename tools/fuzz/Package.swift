// swift-tools-version: 6.2
import PackageDescription

// A package of its own: libFuzzer needs flags that no release may have. `tools/fuzz/run` builds it.

let fuzzer: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-parse-as-library"]),
]

let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "weir", path: "../..")],
    targets: [
        .executableTarget(name: "FuzzRules", dependencies: [.product(name: "WeirCore", package: "weir")], swiftSettings: fuzzer),
        .executableTarget(name: "FuzzFrames", dependencies: [.product(name: "WeirCore", package: "weir")], swiftSettings: fuzzer),
        .executableTarget(name: "FuzzCaptures", dependencies: [.product(name: "WeirCapture", package: "weir")], swiftSettings: fuzzer),
        .executableTarget(
            name: "FuzzPackets",
            dependencies: [.product(name: "WeirCore", package: "weir"), .product(name: "WeirOffline", package: "weir")],
            swiftSettings: fuzzer),
        .executableTarget(name: "FuzzControl", dependencies: [.product(name: "WeirControl", package: "weir")], swiftSettings: fuzzer),
        .executableTarget(name: "FuzzSegments", dependencies: [.product(name: "WeirSegmentation", package: "weir")], swiftSettings: fuzzer),
        .executableTarget(name: "FuzzFragments", dependencies: [.product(name: "WeirCore", package: "weir")], swiftSettings: fuzzer),
    ]
)
