import FrameBuilder
import Wire

/// The frame, parsed as it stands or with its outermost tag apart.
func parse(_ bytes: [UInt8], tag: VLANTag? = nil, zeroLength: ZeroLength = .literal) -> ParsedFrame {
    ParsedFrame.parse(bytes.span.bytes, tag: tag, zeroLength: zeroLength)
}

func parse(_ frame: Frame) -> ParsedFrame {
    parse(frame.bytes)
}
