import Glibc
// Users of sockets need the errors of system calls too.
@_exported public import SystemCalls

/// Sets a socket option from a C structure or integer.
func setOption<T>(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: T, _ name: String) throws(SystemCallError) {
    var value = value
    try systemCall("setsockopt \(name)") {
        withUnsafeBytes(of: &value) { setsockopt(descriptor, level, option, $0.baseAddress, socklen_t($0.count)) }
    }
}
