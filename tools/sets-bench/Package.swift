// swift-tools-version: 6.2
import PackageDescription

// A package of its own: it measures what a release has, and is no part of one. `tools/bench sets` builds and runs it.

let package = Package(
    name: "sets-bench",
    dependencies: [.package(name: "weir", path: "../..")],
    targets: [
        .executableTarget(
            name: "SetsBench", dependencies: [.product(name: "WeirCore", package: "weir")],
            swiftSettings: [
                .swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ])
    ]
)
