public import ArgumentParser
public import PacketIO

extension ReceiveMerging: ExpressibleByArgument {}
