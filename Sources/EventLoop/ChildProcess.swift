internal import CLibuv
internal import Glibc

/// How a child process ended.
public enum ProcessEnding: Equatable, Sendable {
    case exit(Int32)
    case signal(Int32)
}

/// A program to run, and exactly what it gets of ours.
public struct ProcessCommand {
    /// An absolute path.
    public var executable: String
    /// The name it runs under, then its arguments.
    public var arguments: [String]
    /// "NAME=value", all of them: nothing is inherited silently.
    public var environment: [String]
    /// Entry *i* becomes the child's descriptor *i*; nil = /dev/null for 0…2, nothing above. It gets no other descriptor
    /// that is close-on-exec here, as all of ours are.
    public var descriptors: [Int32?]
    /// Runs in a session of its own: a Ctrl-C on the terminal then reaches only us, who stop it in its turn.
    public var hasOwnSession = true

    public init(executable: String, arguments: [String], environment: [String], descriptors: [Int32?]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
    }
}

/// A running child. Its end is reported once, on the loop; after that the object lets go of everything by itself.
public final class ChildProcess {
    private let raw: UnsafeMutablePointer<uv_process_t>
    private let ended: (ProcessEnding) -> Void
    private var isClosed = false

    /// Starts the program. Throws what kept it from running (ENOENT, EACCES, EAGAIN, …); `ended` is then never called.
    public init(
        on loop: Loop, _ command: ProcessCommand, ended: @escaping (ProcessEnding) -> Void
    ) throws(SystemFailure) {
        raw = makeHandle(uv_process_t.self)
        self.ended = ended
        var options = uv_process_options_t()
        options.exit_cb = { raw, status, signal in
            guard let raw else { return }
            owner(of: raw, as: ChildProcess.self).left(status, signal)
        }
        if command.hasOwnSession { options.flags = UInt32(UV_PROCESS_DETACHED.rawValue) }
        var stdio = command.descriptors.map(ChildProcess.container)
        let result = withCStrings([command.executable]) { file in
            withCStrings(command.arguments) { arguments in
                withCStrings(command.environment) { environment in
                    stdio.withUnsafeMutableBufferPointer { stdio in
                        options.file = UnsafePointer(file[0])
                        options.args = arguments
                        options.env = environment
                        options.stdio_count = Int32(stdio.count)
                        options.stdio = stdio.baseAddress
                        return uv_spawn(loop.raw, raw, &options)
                    }
                }
            }
        }
        // libuv has put the handle on its list whatever came of it.
        adopt(raw, self)
        guard result == 0 else {
            close()
            throw SystemFailure(code: result)
        }
    }

    public var processID: Int32 { isClosed ? 0 : uv_process_get_pid(raw) }

    /// Sends a signal; does nothing when the process is gone.
    public func send(signal number: Int32) {
        guard !isClosed else { return }
        _ = uv_process_kill(raw, number)
    }

    /// Forgets the process without ending it: `ended` will not be called.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }

    private func left(_ status: Int64, _ signal: Int32) {
        guard !isClosed else { return }
        close()
        ended(signal == 0 ? .exit(Int32(truncatingIfNeeded: status)) : .signal(signal))
    }

    private static func container(_ descriptor: Int32?) -> uv_stdio_container_t {
        var container = uv_stdio_container_t()
        if let descriptor {
            container.flags = UV_INHERIT_FD
            container.data.fd = descriptor
        } else {
            container.flags = UV_IGNORE
        }
        return container
    }
}

/// Lends `strings` as a null-terminated array of C strings.
private func withCStrings<R>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array of at least one element has a base") }
        return body(base)
    }
}
