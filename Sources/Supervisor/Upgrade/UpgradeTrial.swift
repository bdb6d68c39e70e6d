internal import DaemonKit
internal import EventLoop
internal import Glibc

/// Asks a new program whether it can continue the running service, before anything depends on it.
final class UpgradeTrial {
    enum Verdict: Equatable {
        /// It can; its version.
        case goesOn(String)
        /// It cannot; the reasons.
        case refused([String])
    }

    /// It reads a file in memory and starts three programs that print a line. That takes a fraction of a second, on a
    /// loaded machine a few seconds.
    static let patienceMillis: UInt64 = 10_000
    /// Bytes of its output that are read. The reasons are short.
    private static let bytesMax = 8 * 1024

    private let executable: String
    private let patienceMillis: UInt64
    private let judged: (Verdict) -> Void
    private var process: ChildProcess?
    private var output: Int32 = -1
    private var watch: DescriptorWatch?
    private var limit: Timer?
    private var said: [UInt8] = []
    private var ending: ProcessEnding?
    private var isOutOfTime = false

    /// - Parameters:
    ///   - state: the `ServiceHandoff` in a memory file; the caller closes it.
    ///   - judged: called once, on the loop, but not from the exit callback of another process.
    init(
        on loop: Loop, executable: String, arguments: [String], environment: [String], state: Int32,
        patienceMillis: UInt64 = UpgradeTrial.patienceMillis, judged: @escaping (Verdict) -> Void
    ) throws(SystemFailure) {
        self.executable = executable
        self.patienceMillis = patienceMillis
        self.judged = judged
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SystemFailure(code: -errno)
        }
        output = ends[0]
        defer { close(ends[1]) }
        do throws(SystemFailure) {
            watch = try DescriptorWatch(on: loop, descriptor: output) { [unowned self] in listen() }
            // Judges in its own turn of the loop, so that exits noticed in the same turn are reported first.
            let limit = Timer(on: loop) { [unowned self] in process == nil ? judge() : runOutOfTime() }
            self.limit = limit
            let inherited: Int32 = 3
            process = try ChildProcess(
                on: loop,
                ProcessCommand(
                    executable: executable, arguments: arguments,
                    environment: environment + [UpgradeEntry.trial(inherited).environmentEntry],
                    descriptors: [nil, ends[1], ends[1], state])
            ) { [unowned self] ending in ended(ending) }
            limit.start(after: patienceMillis)
        } catch {
            letGo()
            throw error
        }
    }

    var processID: Int32 { process?.processID ?? 0 }

    /// Ends the trial without a verdict.
    func cancel() {
        end()
        process?.close()
        letGo()
    }

    // MARK: - Callbacks

    private func listen() {
        var chunk = [UInt8](repeating: 0, count: 1_024)
        while output >= 0 {
            let count = read(output, &chunk, chunk.count)
            if count > 0 {
                said += chunk.prefix(min(count, UpgradeTrial.bytesMax - said.count))
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                return
            } else {
                watch?.close()
                watch = nil
                return
            }
        }
    }

    private func runOutOfTime() {
        isOutOfTime = true
        end()
    }

    /// Kills its session, with all processes that it started.
    private func end() {
        if processID > 0 { kill(-processID, SIGKILL) }
    }

    private func ended(_ ending: ProcessEnding) {
        self.ending = ending
        process = nil
        limit?.start(after: 0)
    }

    private func judge() {
        listen()
        letGo()
        judged(verdict)
    }

    private var verdict: Verdict {
        let lines = String(decoding: said, as: UTF8.self).split(separator: "\n").map(String.init)
        if isOutOfTime {
            return .refused([
                "\(executable): did not confirm within \(patienceMillis) ms that it can continue this service"
            ])
        }
        if ending == .exit(0), let version = lines.last(where: { $0.hasPrefix(UpgradeEntry.favour) }) {
            return .goesOn(String(version.dropFirst(UpgradeEntry.favour.count)))
        }
        let end =
            switch ending {
            case .exit(let code): "exited with code \(code)"
            case .signal(let number): "was killed by signal \(number)"
            case nil: "ended"
            }
        return .refused(["\(executable): \(end), and did not confirm that it can continue this service"] + lines)
    }

    private func letGo() {
        watch?.close()
        watch = nil
        limit?.close()
        limit = nil
        if output >= 0 { close(output) }
        output = -1
    }
}
