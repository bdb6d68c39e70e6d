internal import Configuration
internal import Continuity
internal import EventLoop
internal import Glibc
internal import Logging
internal import Supervision

// What a child gets at its start.

extension ServiceRun {
    func sockets(of name: ChildName) throws(SystemFailure) -> [Int32] {
        guard case .shard(let number) = name else { return [] }
        do throws(StartFailure) {
            try sockets.open(shard: number)
        } catch {
            log.error("\(name): \(error.message)")
            throw SystemFailure(code: -EADDRINUSE)
        }
        return sockets.descriptors(of: number)
    }

    /// The table of addresses, for processes that use it.
    func peers(of name: ChildName) -> [Int32] {
        name == .collector ? [] : [addresses.descriptor].compactMap(\.self)
    }

    func launchContext(of name: ChildName, _ succession: LaunchContext.Succession?, peers number: Int32)
        -> LaunchContext
    {
        var shard: Int?
        if case .shard(let number) = name { shard = number }
        var launchContext = LaunchContext(
            settings: settings, shard: shard, socketCount: shard.map { sockets.descriptors(of: $0).count } ?? 0,
            logsJSON: settings.logFormat == .json, serviceStartedAt: startedAt)
        launchContext.succession = succession
        launchContext.peers = peers(of: name).isEmpty ? nil : number
        return launchContext
    }

    /// The environment of this process with two changes. A backtrace is off, because it would delay the replacement of
    /// a crashed shard. A mark lets the next supervisor recognise the process.
    static func childEnvironment(runDirectory: String) -> [String] {
        var entries = ownEnvironment
        let ours = ["SWIFT_BACKTRACE", OrphanedChildren.mark]
        entries.removeAll { entry in ours.contains { entry.hasPrefix($0 + "=") } }
        return entries + ["SWIFT_BACKTRACE=enable=no", "\(OrphanedChildren.mark)=\(runDirectory)"]
    }

    static var ownEnvironment: [String] {
        var entries: [String] = []
        var entry = environ
        while let text = entry.pointee {
            entries.append(String(cString: text))
            entry += 1
        }
        return entries
    }
}
