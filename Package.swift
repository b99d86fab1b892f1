// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: warnings are errors, everywhere.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// The rooms that read bytes and texts from strangers: every unsafe construct is marked where it stands.
let core: [SwiftSetting] = house + [.strictMemorySafety()]

let package = Package(
    name: "weir",
    products: [
        .executable(name: "weir", targets: ["weir"]),
        // For tools that have packages of their own.
        .library(
            name: "WeirCore",
            targets: [
                "Wire", "Storage", "Decisions", "Ruleset", "Classifier", "Interpreter", "Fragments", "Flows", "Answers", "Segmentation",
                "Firewall",
            ]),
        .library(name: "WeirSegmentation", targets: ["Segmentation", "Wire"]),
        .library(name: "WeirCapture", targets: ["Capture"]),
        .library(name: "WeirOffline", targets: ["Offline"]),
        .library(name: "WeirControl", targets: ["Control"]),
        .library(name: "WeirSamples", targets: ["ClassBench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // TOML 1.0 for settings files: toml++ says line and column of what it refuses.
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        // The core: a function of (rules, state, frame, time). No file, no clock, no socket.
        .target(name: "Wire", swiftSettings: core),
        .target(name: "Ruleset", swiftSettings: core),
        // Verdict, reason and where they come from: the value that all later rooms hand on.
        .target(name: "Decisions", dependencies: ["Wire"], swiftSettings: core),
        // Arrays, counters, hashes and limits that know nothing of packets.
        .target(name: "Storage", swiftSettings: core),
        // Comparisons of vectors to bits, which Swift has no words for.
        .target(name: "CVectors"),
        .target(name: "Classifier", dependencies: ["CVectors", "Decisions", "Ruleset", "Storage", "Wire"], swiftSettings: core),
        // What the classifier is held against: slow, plain, and no part of a frame's way.
        .target(name: "Interpreter", dependencies: ["Classifier", "Decisions", "Ruleset", "Storage", "Wire"], swiftSettings: core),
        // Rule sets by their meaning: which frames come to which verdict, without a frame.
        .target(name: "Regions", dependencies: ["Ruleset"], swiftSettings: core),
        .target(name: "Fragments", dependencies: ["Decisions", "Wire"], swiftSettings: core),
        // Super-frames and the segments that they become, and packets that are cut into fragments.
        .target(name: "Segmentation", dependencies: ["Wire"], swiftSettings: core),
        // What a sender is told of a packet that goes no further.
        .target(name: "Answers", dependencies: ["Wire"], swiftSettings: core),
        .target(name: "Flows", dependencies: ["Decisions", "Storage", "Wire"], swiftSettings: core),
        .target(
            name: "Firewall",
            dependencies: ["Answers", "Classifier", "Decisions", "Flows", "Fragments", "Segmentation", "Storage", "Wire"],
            swiftSettings: core),

        // The outside world.
        .target(name: "CLinux"),
        // System calls with their errors, descriptors, and what threads wait with.
        .target(name: "SystemCalls", dependencies: ["CLinux"], swiftSettings: house),
        .systemLibrary(name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
        // Compressed captures: what tcpdump -z, logrotate and archives of captures leave them in.
        .systemLibrary(name: "CCompression", providers: [.apt(["zlib1g-dev", "libzstd-dev", "liblz4-dev"])]),
        .target(name: "PacketIO", dependencies: ["CLinux", "Segmentation", "SystemCalls", "Wire"], swiftSettings: house),
        // eBPF: assembler, programs, maps, attachment.
        .target(name: "KernelPath", dependencies: ["CLinux", "Flows", "PacketIO", "Segmentation"], swiftSettings: house),
        .target(
            name: "Capture", dependencies: ["CCompression", "CPcap", "Decisions", "Segmentation", "Storage", "SystemCalls", "Wire"],
            swiftSettings: house),
        .target(
            name: "Reporting", dependencies: ["Decisions", "Firewall", "Flows", "Classifier", "Ruleset", "Capture", "Storage", "Wire"],
            swiftSettings: house),
        // Questions of operators and what answers them: the socket, the protocol, HTTP for metrics. Its input is hostile. SwiftNIO would add
        // four packages, two minutes to a clean release build, 4.6 MB and 4 MB of memory for what poll(2) does in a file.
        .target(name: "Control", dependencies: ["CLinux", "SystemCalls"], swiftSettings: house),
        // The same engine on recorded and described packets.
        .target(
            name: "Offline",
            dependencies: [
                "Answers", "Decisions", "Firewall", "Flows", "Fragments", "Classifier", "Interpreter", "Regions", "Ruleset", "Capture",
                "Reporting", "Segmentation", "Storage", "Wire",
            ],
            swiftSettings: house),
        // Settings files: what the command line's options say, from a file.
        .target(name: "Settings", dependencies: ["Ruleset", .product(name: "TOMLKit", package: "TOMLKit")], swiftSettings: house),
        .target(
            name: "Appliance",
            dependencies: [
                "Answers", "Control", "Decisions", "Firewall", "Flows", "Fragments", "Classifier", "Ruleset", "Capture", "KernelPath",
                "PacketIO", "Reporting", "Segmentation", "Storage", "SystemCalls", "CLinux", "Wire",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: house),
        .executableTarget(
            name: "weir",
            dependencies: [
                "Answers", "Appliance", "Control", "Decisions", "Offline", "Regions", "Reporting", "Capture", "Ruleset", "Classifier",
                "Firewall", "Flows", "Fragments", "Settings", "CLinux", "Wire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: house),

        .testTarget(name: "WireTests", dependencies: ["Wire", "FrameBuilder"], swiftSettings: house),
        .testTarget(name: "RulesetTests", dependencies: ["Ruleset", "FrameBuilder"], resources: [.copy("Golden")], swiftSettings: house),
        .testTarget(
            name: "ClassifierTests",
            dependencies: [
                "Classifier", "CVectors", "Decisions", "Interpreter", "Ruleset", "Storage", "Wire", "FrameBuilder", "DescribedFrames",
                "ClassBench",
            ],
            swiftSettings: house),
        .testTarget(
            name: "SegmentationTests", dependencies: ["Segmentation", "Wire", "FrameBuilder", "CAllocationCounter"],
            resources: [.copy("Reference")], swiftSettings: house),
        .testTarget(
            name: "RegionsTests",
            dependencies: [
                "Decisions", "Offline", "Regions", "Reporting", "Ruleset", "Wire", "FrameBuilder", "ClassBench",
            ],
            swiftSettings: house),
        .testTarget(name: "SettingsTests", dependencies: ["Settings", "Ruleset"], swiftSettings: house),
        .testTarget(name: "AnswersTests", dependencies: ["Answers", "Wire", "FrameBuilder"], swiftSettings: house),
        .testTarget(
            name: "FragmentsTests", dependencies: ["Decisions", "Fragments", "Wire", "FragmentCases", "FrameBuilder"], swiftSettings: house),
        .testTarget(
            name: "FlowsTests", dependencies: ["Decisions", "Flows", "Wire", "FrameBuilder", "CAllocationCounter"], swiftSettings: house),
        .testTarget(
            name: "FirewallTests",
            dependencies: [
                "Decisions", "Answers", "Firewall", "Flows", "Fragments", "Classifier", "Ruleset", "Segmentation", "Storage", "Wire",
                "FrameBuilder", "DescribedFrames",
                "CAllocationCounter",
            ],
            swiftSettings: house),
        .testTarget(name: "PacketIOTests", dependencies: ["PacketIO", "CLinux", "Wire"], swiftSettings: house),
        .testTarget(
            name: "KernelPathTests",
            dependencies: ["Decisions", "Flows", "FrameBuilder", "KernelPath", "PacketIO", "CLinux", "CNetworkNamespace", "Wire"],
            swiftSettings: house),
        .testTarget(
            name: "CaptureTests", dependencies: ["CCompression", "Capture", "Decisions", "Wire", "FrameBuilder"], swiftSettings: house),
        .testTarget(name: "ControlTests", dependencies: ["Control", "SystemCalls"], swiftSettings: house),
        .testTarget(
            name: "ApplianceTests",
            dependencies: [
                "Appliance", "CLinux", "Capture", "Classifier", "Decisions", "Firewall", "FrameBuilder", "PacketIO", "Reporting", "Ruleset",
                "Storage", "Wire",
                "CAllocationCounter", "CNetworkNamespace",
            ], swiftSettings: house),
        .testTarget(
            name: "OfflineTests",
            dependencies: [
                "Offline", "Reporting", "Capture", "Decisions", "Firewall", "Flows", "Fragments", "Classifier", "Ruleset", "Storage",
                "Wire", "FrameBuilder", "CAllocationCounter",
            ], resources: [.copy("Golden")], swiftSettings: house),
        .testTarget(
            name: "LabTests", dependencies: ["ClassBench", "FragmentCases", "FrameBuilder"], resources: [.copy("Support")],
            swiftSettings: house),

        // What tools/conformance runs, and a lab test for a while.
        .executableTarget(
            name: "conformance",
            dependencies: [
                "Decisions", "Ruleset", "Classifier", "Firewall", "Storage", "Wire", "FrameBuilder", "KernelBridge",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "tools/oracles/Conformance", swiftSettings: house),
        // What tools/flow-conformance runs, and a lab test for a while.
        .executableTarget(
            name: "flow-conformance",
            dependencies: [
                "Decisions", "Ruleset", "Classifier", "Flows", "Firewall", "Storage", "Wire", "FrameBuilder", "KernelBridge",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "tools/oracles/FlowConformance", swiftSettings: house),
        // What tools/answer-conformance runs, and a lab test for a while.
        .executableTarget(
            name: "answer-conformance",
            dependencies: [
                "Answers", "Segmentation", "Wire", "FrameBuilder", "KernelBridge",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "tools/oracles/AnswerConformance", swiftSettings: house),

        // What tests stand on.
        .target(name: "FrameBuilder", dependencies: ["Wire"], path: "Tests/FrameBuilder", swiftSettings: house),
        .target(name: "DescribedFrames", dependencies: ["Offline", "Ruleset"], path: "Tests/DescribedFrames", swiftSettings: house),
        .target(name: "ClassBench", path: "Tests/ClassBench", resources: [.copy("Sets")], swiftSettings: house),
        .target(
            name: "FragmentCases", dependencies: ["FrameBuilder"], path: "Tests/FragmentCases", resources: [.copy("Cases")],
            swiftSettings: house),
        .target(
            name: "KernelBridge", dependencies: ["CLinux", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/KernelBridge", swiftSettings: house),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .target(name: "CNetworkNamespace", path: "Tests/CNetworkNamespace"),
    ]
)
