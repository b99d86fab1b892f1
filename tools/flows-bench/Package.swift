// swift-tools-version: 6.2
import PackageDescription

// A package of its own: what it measures is the product as others build it. `tools/bench flows` builds and runs it.

let package = Package(
    name: "flows-bench",
    dependencies: [.package(name: "weir", path: "../..")],
    targets: [
        .executableTarget(
            name: "FlowsBench",
            dependencies: [.product(name: "WeirCore", package: "weir")],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ])
    ]
)
