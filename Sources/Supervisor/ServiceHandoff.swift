internal import Configuration
internal import Continuity
internal import DaemonKit
internal import Glibc
internal import Supervision

/// A running service, as one supervisor leaves it to the program that takes its place in the same process
/// (`millrace upgrade`): everything that it knows, and the numbers of the descriptors that stay open.
struct ServiceHandoff: Codable {
    /// Raised when a reader of the format before could make no sense of it. Fields may be added without that, when
    /// they are optional.
    static let format = 2

    var format = ServiceHandoff.format
    /// Who has written it.
    var version: String
    /// Where the program of the next upgrade will be.
    var executable: String
    /// Milliseconds since 1970.
    var startedAt: UInt64
    var configuration: RunningConfiguration.Handed
    var service: Service
    var children: [HandedChild]
    var sockets: ShardSockets.Handed
    /// An absolute path.
    var runDirectory: String
    var successions: [ShardSuccession.Handed]
    /// The descriptor that holds the lock of the run directory.
    var lock: Int32
    /// Descriptors that are not the service's: whoever started the process left them to it.
    var strangers: [Int32]
    /// The table of addresses.
    var peers: Int32?

    struct HandedChild: Codable {
        var name: ChildName
        var process: RunningChild.Handed
    }

    /// All that have to stay open.
    var descriptors: [Int32] {
        var all = strangers + [lock] + [peers].compactMap(\.self)
        all += children.map(\.process.lifeline).filter { $0 >= 0 }
        all += sockets.open
        for succession in successions { all += succession.descriptors }
        return all
    }

    /// The configuration, with what cannot change in a running service as it is.
    func runningConfiguration(in surroundings: Surroundings) throws(StartFailure) -> RunningConfiguration {
        var running = try RunningConfiguration(resuming: configuration, surroundings: surroundings)
        running.keep(runDirectory: runDirectory)
        return running
    }

    /// Reads what another supervisor has written, and closes the file.
    static func read(from descriptor: Int32) throws(StartFailure) -> ServiceHandoff {
        defer { close(descriptor) }
        do {
            let head = try MemoryFile.read(Head.self, from: descriptor)
            guard head.format == format else {
                throw StartFailure(
                    exitCode: .failed,
                    message: "Millrace \(head.version) saves its state in format \(head.format), but Millrace "
                        + "\(BuildInformation.version) reads only format \(format); restart the service instead")
            }
            return try MemoryFile.read(ServiceHandoff.self, from: descriptor)
        } catch let failure as StartFailure {
            throw failure
        } catch {
            throw StartFailure(exitCode: .failed, message: "the state of the running service cannot be read: \(error)")
        }
    }

    /// What every format has.
    private struct Head: Decodable {
        var format: Int
        var version: String
    }
}

/// A value that is left out when it cannot be read.
struct IfReadable<Value: Codable>: Codable {
    var value: Value?

    init(value: Value) {
        self.value = value
    }

    init(from decoder: any Decoder) {
        value = try? Value(from: decoder)
    }

    func encode(to encoder: any Encoder) throws {
        try value.encode(to: encoder)
    }
}

extension IfReadable: Equatable where Value: Equatable {}
