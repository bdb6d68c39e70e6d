// libuv's headers include <sys/socket.h>; an optimised build finds its names through both modules.
internal import CLibuv
internal import Glibc

/// Accepts connections on a Unix socket with a path. When it cannot accept (no descriptor is left), it pauses, and new
/// connections wait in the kernel's queue.
public final class LocalListener {
    /// The pause after a failed accept.
    public static let restMilliseconds: UInt64 = 500
    /// The clients are an operator's commands and one gateway. A longer queue would hide that the service does not
    /// answer.
    private static let backlog: Int32 = 16
    /// Connections accepted in one turn of the loop; the others follow in the next turn.
    private static let acceptsPerTurn = 16

    private let loop: Loop
    private let path: String
    private let accepted: (Int32) -> Void
    private var descriptor: Int32 = -1
    /// The file that this listener created.
    private var file = stat()
    private var watch: DescriptorWatch?
    private var rest: Timer?

    /// - Parameters:
    ///   - path: must not exist; `close` removes it unless it was replaced.
    ///   - mode: the permissions to connect: 0o600 is the owner only.
    ///   - accepted: called with the descriptor of each connection, which the callee owns.
    public init(
        on loop: Loop, path: String, mode: UInt32, accepted: @escaping (Int32) -> Void
    ) throws(SystemFailure) {
        self.loop = loop
        self.path = path
        self.accepted = accepted
        descriptor = try LocalListener.open(path, mode)
        lstat(path, &file)
        do throws(SystemFailure) {
            try listen()
        } catch {
            close()
            throw error
        }
    }

    public func close() {
        watch?.close()
        watch = nil
        rest?.close()
        rest = nil
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
        if isAtItsPath { unlink(path) }
    }

    /// False when the path was removed or replaced, so that no client can connect.
    public var isAtItsPath: Bool {
        var present = stat()
        return lstat(path, &present) == 0 && present.st_ino == file.st_ino && present.st_dev == file.st_dev
    }

    private static func open(_ path: String, _ mode: UInt32) throws(SystemFailure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemFailure(code: -ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = socket(AF_UNIX, Int32(kind), 0)
        guard descriptor >= 0 else { throw SystemFailure(code: -errno) }
        // Linux creates the file with the mode of the socket, so other users cannot connect at any moment.
        fchmod(descriptor, mode)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw SystemFailure(code: -code)
        }
        guard Glibc.listen(descriptor, backlog) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            unlink(path)
            throw SystemFailure(code: -code)
        }
        return descriptor
    }

    private func listen() throws(SystemFailure) {
        watch = try DescriptorWatch(on: loop, descriptor: descriptor) { [unowned self] in accept() }
        // A service whose other handles are closed ends.
        watch?.unreference()
    }

    private func accept() {
        for _ in 0..<LocalListener.acceptsPerTurn where descriptor >= 0 {
            let peer = Glibc.accept(descriptor, nil, nil)
            if peer >= 0 {
                _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
                accepted(peer)
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR, errno != ECONNABORTED {
                return takeRest()
            }
        }
    }

    private func takeRest() {
        watch?.close()
        watch = nil
        let rest = Timer(on: loop) { [unowned self] in wake() }
        rest.unreference()
        rest.start(after: LocalListener.restMilliseconds)
        self.rest = rest
    }

    private func wake() {
        rest?.close()
        rest = nil
        guard (try? listen()) == nil else { return }
        takeRest()
    }
}
