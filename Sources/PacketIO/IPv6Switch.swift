import Glibc

/// `net.ipv6.conf.NAME.disable_ipv6` of an interface, whatever it is called at the moment.
struct IPv6Switch {
    let index: Int32

    /// nil where the kernel has no IPv6, or the interface none.
    var isDisabled: Bool? {
        guard let file = try? open(O_RDONLY) else { return nil }
        var digit: UInt8 = 0
        guard read(file.number, &digit, 1) == 1 else { return nil }
        return digit != UInt8(ascii: "0")
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

    func set(disabled: Bool) throws(SystemCallError) {
        var problem: SystemCallError?
        for _ in 0..<8 {
            let file = try open(O_WRONLY)
            do throws(SystemCallError) {
                try systemCall("write disable_ipv6") { write(file.number, disabled ? "1" : "0", 1) }
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
    private func open(_ flags: Int32) throws(SystemCallError) -> Descriptor {
        var before = try name()
        for _ in 0..<8 {
            let path = "/proc/sys/net/ipv6/conf/\(before)/disable_ipv6"
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
        throw SystemCallError(call: "open disable_ipv6 of interface \(index)", code: ENOENT)
    }

    private func name() throws(SystemCallError) -> String {
        let name = try Link.currentName(of: index)
        // Switches of all interfaces, not of one that is called so: that one has none (net/core/sysctl_net_core.c).
        guard name != "all", name != "default" else { throw SystemCallError(call: "disable_ipv6 of \(name)", code: ENOENT) }
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
