internal import CLibuv
internal import Glibc
internal import Linux

/// How a child process ended.
public enum ProcessEnding: Equatable, Sendable {
    case exit(Int32)
    case signal(Int32)
}

/// A program to run, with everything that it inherits.
public struct ProcessCommand {
    /// An absolute path.
    public var executable: String
    /// argv: the name it runs under, then its arguments.
    public var arguments: [String]
    /// The complete environment, as "NAME=value".
    public var environment: [String]
    /// Entry *i* becomes the child's descriptor *i*. nil means /dev/null for 0 to 2, and no descriptor above. The child
    /// gets no other descriptors, because all others of this process are close-on-exec.
    public var descriptors: [Int32?]
    /// Whether it runs in its own session: Ctrl-C on the terminal then reaches only this process, which stops its
    /// children in order.
    public var hasOwnSession = true

    public init(executable: String, arguments: [String], environment: [String], descriptors: [Int32?]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
    }
}

/// A running child. Its end is reported once, on the loop; the object then releases its resources itself.
public final class ChildProcess {
    /// How its end is noticed.
    private enum Watch {
        case libuv(UnsafeMutablePointer<uv_process_t>)
        /// For an adopted child, because libuv watches only processes that it started.
        case ours(AdoptedProcess)
    }

    private let watch: Watch
    private let ended: (ProcessEnding) -> Void
    private var isClosed = false

    /// Starts the program. Throws the error that prevented it (ENOENT, EACCES, EAGAIN, …); `ended` is then never
    /// called.
    public init(
        on loop: Loop, _ command: ProcessCommand, ended: @escaping (ProcessEnding) -> Void
    ) throws(SystemFailure) {
        let raw = makeHandle(uv_process_t.self)
        watch = .libuv(raw)
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
        // libuv has queued the handle even if the start failed.
        adopt(raw, self)
        guard result == 0 else {
            close()
            throw SystemFailure(code: result)
        }
    }

    /// Adopts a child that this process started before it executed the present program. If the child has already
    /// exited, that is reported in a later turn of the loop. Throws when it is not a child of this process.
    public init(
        on loop: Loop, adopting processID: Int32, ended: @escaping (ProcessEnding) -> Void
    ) throws(SystemFailure) {
        let process = try AdoptedProcess(processID)
        watch = .ours(process)
        self.ended = ended
        try process.begin(on: loop) { status in self.left(waitStatus: status) }
    }

    public var processID: Int32 {
        guard !isClosed else { return 0 }
        return switch watch {
        case .libuv(let raw): uv_process_get_pid(raw)
        case .ours(let process): process.processID
        }
    }

    /// Sends a signal; does nothing when the process has ended.
    public func send(signal number: Int32) {
        guard !isClosed else { return }
        switch watch {
        case .libuv(let raw): _ = uv_process_kill(raw, number)
        // The id cannot be reused before this process has waited for the child.
        case .ours(let process): kill(process.processID, number)
        }
    }

    /// Stops watching the process without ending it: `ended` is not called.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        switch watch {
        case .libuv(let raw): closeHandle(raw)
        case .ours(let process): process.close()
        }
    }

    private func left(waitStatus status: Int32) {
        let status = WaitStatus(status)
        left(Int64(status.signal == 0 ? status.exitCode : 0), status.signal)
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

/// A child that libuv did not start, watched through a process descriptor (pidfd).
private final class AdoptedProcess {
    let processID: Int32
    private var descriptor: Int32 = -1
    private var watch: DescriptorWatch?

    init(_ processID: Int32) throws(SystemFailure) {
        self.processID = processID
        // WNOWAIT leaves the child waitable. ECHILD: it is not a child of this process.
        var information = siginfo_t()
        guard processID > 0,
            waitid(P_PID, id_t(processID), &information, WEXITED | WNOHANG | WNOWAIT) == 0
        else { throw SystemFailure(code: -ECHILD) }
        do throws(SystemCallFailure) {
            descriptor = try ProcessDescriptor.open(processID)
        } catch {
            throw SystemFailure(code: -error.code)
        }
    }

    deinit { close() }

    /// - Parameter ended: called once, with the status of wait(2).
    func begin(on loop: Loop, ended: @escaping (Int32) -> Void) throws(SystemFailure) {
        watch = try DescriptorWatch(on: loop, descriptor: descriptor) { [unowned self] in
            var status: Int32 = 0
            if waitpid(processID, &status, WNOHANG) == processID { ended(status) }
        }
    }

    func close() {
        watch?.close()
        watch = nil
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}

/// Passes `strings` to `body` as a null-terminated array of C strings.
func withCStrings<R>(
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
