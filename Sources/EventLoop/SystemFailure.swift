internal import CLibuv
internal import Glibc

/// An error of the operating system, as libuv reports it.
public struct SystemFailure: Error, Equatable, CustomStringConvertible {
    /// A negative errno (`UV_EADDRINUSE`, …); never 0.
    public let code: Int32

    public init(code: Int32) {
        self.code = code
    }

    /// The system's message: "address already in use".
    public var description: String {
        String(cString: uv_strerror(code))
    }

    static func check(_ result: Int32) throws(SystemFailure) {
        if result < 0 { throw SystemFailure(code: result) }
    }
}
