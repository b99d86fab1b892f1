import Glibc

/// `net.ipv6.conf.NAME.disable_ipv6` of an interface and the settings beside it, whatever the interface is called at the moment.
struct IPv6Switch {
    let index: Int32

    /// nil where the kernel has no IPv6, or the interface none.
    var isDisabled: Bool? {
        number("disable_ipv6").map { $0 != 0 }
    }

    /// The MTU of its IPv6 packets, which may be below its own.
    var mtu: UInt32? { number("mtu").flatMap { UInt32(exactly: $0) } }

    /// The kernel takes routes of router advertisements (`accept_ra` in Documentation/networking/ip-sysctl.rst).
    var learnsRoutes: Bool {
        switch number("accept_ra") ?? 0 {
        case 0: false
        case 1: number("forwarding") == 0
        default: true
        }
    }

    /// The kernel gives it a link-local address (IN6_ADDR_GEN_MODE_NONE in include/uapi/linux/if_link.h is 1).
    var makesLinkLocal: Bool { number("addr_gen_mode") != 1 }

    private func number(_ setting: String) -> Int? {
        guard let file = try? open(O_RDONLY, setting) else { return nil }
        var text = [UInt8](repeating: 0, count: 16)
        let count = read(file.number, &text, text.count)
        guard count > 0 else { return nil }
        return Int(String(decoding: text[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    /// What an interface that comes to this network namespace begins with.
    static var isDisabledByDefault: Bool? {
        guard let file = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "r") else { return nil }
        defer { fclose(file) }
        return fgetc(file) != Int32(UInt8(ascii: "0"))
    }

    /// Throws if the switch is there and can't be turned. Changes nothing.
    func expectWritable() throws(SystemCallError) {
        do {
            _ = try open(O_WRONLY)
        } catch  where error.code == ENOENT {
            // No IPv6: nothing to turn.
        }
    }

    func set(disabled: Bool) throws(SystemCallError) { try set("disable_ipv6", disabled ? "1" : "0") }

    func set(mtu: UInt32) throws(SystemCallError) { try set("mtu", "\(mtu)") }

    private func set(_ setting: String, _ value: String) throws(SystemCallError) {
        var problem: SystemCallError?
        for _ in 0..<8 {
            let file = try open(O_WRONLY, setting)
            do throws(SystemCallError) {
                try systemCall("write \(setting)") { write(file.number, value, value.utf8.count) }
                return
            } catch {
                // A rename takes the old name's file away under us (net/ipv6/addrconf.c, addrconf_sysctl_unregister).
                guard error.code == ENOENT else { throw error }
                problem = error
            }
        }
        if let problem { throw problem }
    }

    /// The file of the interface's name. A name may go to another interface between the look at it and the opening; after the opening
    /// it can't, since the file goes with the name.
    private func open(_ flags: Int32, _ setting: String = "disable_ipv6") throws(SystemCallError) -> Descriptor {
        var before = try name()
        for _ in 0..<8 {
            let path = "/proc/sys/net/ipv6/conf/\(before)/\(setting)"
            let number = Glibc.open(path, flags | O_CLOEXEC)
            let code = errno
            let descriptor = number < 0 ? nil : Descriptor(owning: number)
            let after = try name()
            guard after == before else {
                before = after
                continue
            }
            if let descriptor { return descriptor }
            throw SystemCallError(call: "open \(path)", code: code)
        }
        throw SystemCallError(call: "open \(setting) of interface \(index)", code: ENOENT)
    }

    private func name() throws(SystemCallError) -> String {
        let name = try Link.currentName(of: index)
        // Switches of all interfaces, not of one that is called so: that one has none (net/core/sysctl_net_core.c).
        guard name != "all", name != "default" else { throw SystemCallError(call: "IPv6 settings of \(name)", code: ENOENT) }
        return name
    }
}

extension Link {
    /// What an interface is called now. Throws `ENXIO` if there is none of that index.
    static func currentName(of index: Int32) throws(SystemCallError) -> String {
        var buffer = [CChar](repeating: 0, count: nameCapacity)
        guard index > 0, if_indextoname(UInt32(index), &buffer) != nil else {
            throw SystemCallError(call: "name of interface \(index)", code: index > 0 ? errno : ENXIO)
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
