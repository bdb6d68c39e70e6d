internal import Configuration
internal import Continuity
internal import DaemonKit
internal import Glibc
internal import Supervision

/// The state of a running service that one supervisor leaves to the program that it executes (`millrace upgrade`), with
/// the numbers of the descriptors that stay open.
struct ServiceHandoff: Codable {
    /// Raised when a reader of the previous format could not use the new one. Optional fields may be added without
    /// that.
    static let format = 2

    var format = ServiceHandoff.format
    /// The version of the writer.
    var version: String
    /// The path of the program for the next upgrade.
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
    /// Descriptors that do not belong to the service; its parent process left them open.
    var strangers: [Int32]
    /// The table of addresses (`PeerTable`).
    var peers: Int32?
    /// Whether miners can use TLS; nil from a version without it.
    var hasCertificate: Bool?
    /// Whether `shards: "auto"` is overruled; nil from a version without it.
    var isScaledByOperator: Bool?

    struct HandedChild: Codable {
        var name: ChildName
        var process: RunningChild.Handed
    }

    /// All descriptors that must stay open.
    var descriptors: [Int32] {
        var all = strangers + [lock] + [peers].compactMap(\.self)
        all += children.map(\.process.lifeline).filter { $0 >= 0 }
        all += sockets.open
        for succession in successions { all += succession.descriptors }
        return all
    }

    /// The configuration, with the run directory of the running service, which cannot change.
    func runningConfiguration(in surroundings: Surroundings) throws(StartFailure) -> RunningConfiguration {
        var running = try RunningConfiguration(resuming: configuration, surroundings: surroundings)
        running.keep(runDirectory: runDirectory)
        return running
    }

    /// Reads the state that another supervisor wrote, and closes the file.
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

    /// The fields that every format has.
    private struct Head: Decodable {
        var format: Int
        var version: String
    }
}

/// A value that decodes to nil when it cannot be read.
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
