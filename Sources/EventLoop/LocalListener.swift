// The headers of libuv include <sys/socket.h>: in an optimised build its names are found through either of the two.
internal import CLibuv
internal import Glibc

/// Accepts connections on a Unix socket with a path. When nothing can be accepted (no descriptor is left) it rests a
/// while, and those who wish to connect wait in the kernel's queue.
public final class LocalListener {
    /// How long a listener rests that could not accept.
    public static let restMilliseconds: UInt64 = 500
    /// Callers are commands of an operator and one gateway; a longer queue would only hide that nobody answers.
    private static let backlog: Int32 = 16
    /// In one turn of the loop; the rest has its turn in the next.
    private static let acceptsPerTurn = 16

    private let loop: Loop
    private let path: String
    private let accepted: (Int32) -> Void
    private var descriptor: Int32 = -1
    /// The file that we have made.
    private var file = stat()
    private var watch: DescriptorWatch?
    private var rest: Timer?

    /// - Parameters:
    ///   - path: must not exist; removed by `close`, if it is ours still.
    ///   - mode: who may connect: 0o600 is the owner.
    ///   - accepted: called with each connection, a descriptor that is the callee's from then on.
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

    /// False when somebody has removed the path, or put something else there: nobody can connect then.
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
        // Linux makes the file with the mode of the socket: there is no moment in which others could connect.
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
        // A service that has ended everything else ends.
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
