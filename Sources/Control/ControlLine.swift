internal import FoundationEssentials

/// The format of requests and replies on the socket: one JSON object per line.
///
///     {"request":"status"}                              {"reply":"status","status":{…}}
///     {"request":"configuration"}                       {"reply":"configuration","document":"{…}"}
///     {"request":"configure","document":"{…}"}          {"reply":"done"}
///     {"request":"restart","shard":0}                   {"reply":"begun"}
///     {"request":"drain","shard":1,"within":30}
///     {"request":"scale","shards":4,"within":30}
///     {"request":"restartProcess","process":"collector"}
///     {"request":"restartAll"}, "restartEverything", "rebalance", "reload", "stop"
///     {"request":"bans"}                                {"reply":"bans","bans":[…]}
///     {"request":"unban","address":"192.0.2.7"}         without an address: all of them
///                                                       {"reply":"refused","refusal":{"kind":"invalid","lines":[…]}}
public enum ControlLine {
    /// The socket's name in the run directory.
    public static let socketName = "control"

    /// The longest line including its LF: a configuration of 1 MiB in which every second byte is escaped.
    public static let bytesMax = 2 << 20

    /// The line with its LF; nil if it were longer than `bytesMax`.
    public static func encode(_ request: ControlRequest) -> [UInt8]? { line(WrittenRequest(request)) }

    /// Decodes a request; nil when this version does not know it.
    /// - Parameter line: without its LF.
    public static func request(_ line: some Sequence<UInt8>) -> ControlRequest? {
        (try? JSONDecoder().decode(WrittenRequest.self, from: Data(line)))?.request
    }

    /// The line with its LF; nil if it were longer than `bytesMax`.
    public static func encode(_ reply: ControlReply) -> [UInt8]? { line(WrittenReply(reply)) }

    /// Decodes a reply; nil when this version does not know it.
    /// - Parameter line: without its LF.
    public static func reply(_ line: some Sequence<UInt8>) -> ControlReply? {
        (try? JSONDecoder().decode(WrittenReply.self, from: Data(line)))?.reply
    }

    private static func line(_ value: some Encodable) -> [UInt8]? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // The JSON text has no raw line break: JSONEncoder escapes those in strings as \n.
        guard let json = try? encoder.encode(value), json.count < bytesMax else { return nil }
        return Array(json) + [0x0a]
    }
}

private struct WrittenRequest: Codable {
    var name: String
    var document: String?
    var process: ChildStatus.Kind?
    var shard: Int?
    var shards: Int?
    /// Seconds.
    var within: Int?
    var address: String?

    enum CodingKeys: String, CodingKey {
        case name = "request"
        case document, process, shard, shards, within, address
    }

    init(_ request: ControlRequest) {
        switch request {
        case .status: name = "status"
        case .configuration: name = "configuration"
        case .configure(let text): (name, document) = ("configure", text)
        case .reload: name = "reload"
        case .restart(let number): (name, shard) = ("restart", number)
        case .restartAll: name = "restartAll"
        case .restartProcess(let kind): (name, process) = ("restartProcess", kind)
        case .restartEverything: name = "restartEverything"
        case .drain(let number, let seconds): (name, shard, within) = ("drain", number, seconds)
        case .scale(let count, let seconds): (name, shards, within) = ("scale", count, seconds)
        case .rebalance: name = "rebalance"
        case .bans: name = "bans"
        case .unban(let address): (name, self.address) = ("unban", address)
        case .upgrade: name = "upgrade"
        case .stop: name = "stop"
        }
    }

    var request: ControlRequest? {
        switch name {
        case "status": .status
        case "configuration": .configuration
        case "configure": document.map { .configure(document: $0) }
        case "reload": .reload
        case "restart": shard.map { .restart(shard: $0) }
        case "restartAll": .restartAll
        case "restartProcess": process.map { .restartProcess($0) }
        case "restartEverything": .restartEverything
        case "drain": shard.flatMap { shard in within.map { .drain(shard: shard, withinSeconds: $0) } }
        case "scale": shards.flatMap { shards in within.map { .scale(shards: shards, withinSeconds: $0) } }
        case "rebalance": .rebalance
        case "bans": .bans
        case "unban": .unban(address: address)
        case "upgrade": .upgrade
        case "stop": .stop
        default: nil
        }
    }
}

private struct WrittenReply: Codable {
    var name: String
    var status: ServiceStatus?
    var document: String?
    var refusal: ControlRefusal?
    var bans: [BannedAddress]?

    enum CodingKeys: String, CodingKey {
        case name = "reply"
        case status, document, refusal, bans
    }

    init(_ reply: ControlReply) {
        switch reply {
        case .status(let value): (name, status) = ("status", value)
        case .configuration(let text): (name, document) = ("configuration", text)
        case .bans(let list): (name, bans) = ("bans", list)
        case .done: name = "done"
        case .begun: name = "begun"
        case .refused(let value): (name, refusal) = ("refused", value)
        }
    }

    var reply: ControlReply? {
        switch name {
        case "status": status.map { .status($0) }
        case "configuration": document.map { .configuration(document: $0) }
        case "bans": bans.map { .bans($0) }
        case "done": .done
        case "begun": .begun
        case "refused": refusal.map { .refused($0) }
        default: nil
        }
    }
}
