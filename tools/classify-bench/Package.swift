// swift-tools-version: 6.2
import PackageDescription

// A package of its own: what it measures is the product as others build it. `tools/bench classify` builds and runs it.

let package = Package(
    name: "classify-bench",
    dependencies: [.package(name: "weir", path: "../..")],
    targets: [
        .executableTarget(
            name: "ClassifyBench",
            dependencies: [.product(name: "WeirCore", package: "weir"), .product(name: "WeirSamples", package: "weir")],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ])
    ]
)
