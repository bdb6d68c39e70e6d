import StratumProtocol

@testable import StratumSession

/// A miner of the harness: what it has heard, and what it still waits for.
final class Miner {
    struct Job: Equatable {
        var id: String
        var blob: String
        var target: String
        /// The nonce byte in the blob.
        var byte: UInt8
    }

    enum Heard: Equatable {
        case loggedIn(Int64, extensions: [String])
        case job
        case status(Int64, String)
        case refused(Int64, String)
    }

    fileprivate(set) var number: Int
    fileprivate(set) var id: MinerID
    var framer = LineFramer(lineBytesMax: 1 << 20)
    var tls: TLSPeer?
    var heard: [Heard] = []
    /// Replies whose id is no integer, as they came. The books of requests do not know those.
    var oddReplies: [String] = []
    var session = "0000000000000000"
    /// All jobs that it was given, the current one last.
    var jobs: [Job] = []
    /// Nothing is read of it: what it sends waits, as in the kernel.
    var isPaused = false
    var waiting: [(line: String, isShare: Bool)] = []
    /// Why the shard has closed it.
    var closed: CloseReason?
    /// It has hung up itself.
    var hasLeft = false
    /// Requests without an answer.
    var owed: Set<Int64> = []
    var lastRequest: Int64 = 0
    /// Keepalives and submits count from here on, so that no nonce is used by chance.
    var lastNonce: UInt32 = 0

    var isConnected: Bool { closed == nil && !hasLeft }
    var job: Job? { jobs.last }
    /// The answer to its latest request.
    var answer: Heard? {
        heard.last {
            switch $0 {
            case .loggedIn(let id, _), .status(let id, _), .refused(let id, _): id == lastRequest
            case .job: false
            }
        }
    }

    init(number: Int, id: MinerID) {
        self.number = number
        self.id = id
    }

    /// Its shard was absorbed by another one.
    func rename(_ id: MinerID, number: Int) {
        self.id = id
        self.number = number
    }
}

/// One connection to a pool of the harness.
final class PoolPeer {
    struct Share: Equatable {
        var id: Int64
        var session: String
        var jobID: String
        var nonce: String
        var algorithm: String?
    }

    fileprivate(set) var id: PoolConnectionID
    /// What the pool itself calls the connection.
    let name: UInt32
    /// Which pool's, by the harness's numbers; at first those are also the seats and the places in the list.
    let pool: Int
    var framer = LineFramer(lineBytesMax: 1 << 20)
    var tls: TLSPeer?
    var isOpen = true
    /// The lines that it has received.
    var lines: [String] = []
    var shares: [Share] = []
    /// Shares without an answer.
    var owed: [Int64] = []
    var keepalives: [Int64] = []
    var blobs: [String: String] = [:]

    /// - Parameter serial: tells the pools' names for the connections of two shards apart.
    init(_ id: PoolConnectionID, pool: Int, serial: UInt32 = 0) {
        self.id = id
        self.pool = pool
        name = id.generation + serial
    }

    /// Its shard was absorbed by another one; the pool does not know.
    func rename(_ id: PoolConnectionID) { self.id = id }
}

/// How the pool behind one address behaves.
struct PoolConduct {
    enum Door { case open, closed, silent }
    enum Login: Equatable {
        case welcome, withoutJob
        case refused(String)
        case unanswered
    }
    enum Verdict {
        case accept
        case refuse(String)
        case withhold
    }

    var door = Door.open
    var login = Login.welcome
    var verdict = Verdict.accept
    var answersKeepalives = true
    var extensions = ["algo", "keepalive"]
    var job = PoolJob()
}

/// The work that a pool has at the moment.
struct PoolJob {
    var id = "j1"
    /// Two jobs with the same number have the same blob on the same connection.
    var work = 1
    var difficulty: UInt64 = 10_000
    /// What the pool puts into the nonce's last byte.
    var reservedByte: UInt8 = 0
    /// As the pool names it; nil when it does not.
    var algorithm: String? = "cn/r"
    /// As real pools do: no two connections have the same blob.
    var differsByConnection = true

    func blob(for connection: PoolPeer) -> String {
        var bytes: [UInt8] = Array(repeating: 0x10, count: 76)
        for position in 0..<4 {
            bytes[2 + position] = UInt8(truncatingIfNeeded: work >> (position * 8))
            let serial = differsByConnection ? connection.name : 0
            bytes[8 + position] = UInt8(truncatingIfNeeded: serial >> UInt32(position * 8))
            bytes[39 + position] = 0
        }
        bytes[7] = connection.id.pool
        bytes[42] = reservedByte
        return hex(bytes)
    }

    func json(for connection: PoolPeer) -> String {
        let target = UInt64.max / difficulty
        let digits = hex((0..<8).map { UInt8(truncatingIfNeeded: target >> UInt64($0 * 8)) })
        let algorithm = algorithm.map { #","algo":"\#(escaped($0))""# } ?? ""
        return #"{"blob":"\#(blob(for: connection))","job_id":"\#(escaped(id))","target":"\#(digits)"\#(algorithm)}"#
    }
}

/// A text as the inside of a JSON string.
func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.append(jsonEscaped: text)
    return String(decoding: bytes, as: UTF8.self)
}

func hex(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for byte in bytes { text.append(hex: byte) }
    return String(decoding: text, as: UTF8.self)
}

extension ShardHarness {
    /// The failures of pools that are news.
    var failures: [PoolFailure] {
        notices.compactMap { if case .poolFailed(_, let failure, isRepeated: false) = $0 { failure } else { nil } }
    }

    /// The pools that have become active, in order.
    var actives: [Int] {
        notices.compactMap { if case .poolActive(let id) = $0 { pool(of: id) } else { nil } }
    }

    /// How often a pool was dialled.
    func dials(_ pool: Int = 0) -> Int { peers.count { $0.pool == pool } }
}
