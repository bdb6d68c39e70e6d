import Foundation
import Glibc
import TestSupport
import Testing

/// The whole of Millrace as built, with a practice pool above it.
final class Service {
    let scratch: Scratch
    let minerPort: UInt16
    let apiPort: UInt16
    let poolPort: UInt16
    let databasePath: String
    private(set) var pool: PracticePool
    let millrace: Program
    private let poolArguments: [String]

    /// - Parameters:
    ///   - occupiedAPIPort: a port that the API cannot have yet.
    ///   - installs: runs copies of the programs, which `install` replaces.
    ///   - minerPort: where the configuration file of `arguments` lets miners connect; nil = a free port that no file names.
    ///   - namesPool: false when the configuration file of `arguments` has pools.
    ///   - namesShards: false when it says how many shards there are.
    init(
        shards: Int = 2, pool poolArguments: [String] = [], millrace arguments: [String] = [],
        occupiedAPIPort: UInt16? = nil, installs: Bool = false, minerPort filePort: UInt16? = nil,
        namesPool: Bool = true, namesShards: Bool = true
    ) throws {
        scratch = Scratch()
        if installs { try Service.install(in: scratch) }
        minerPort = try filePort ?? Loopback.freePort()
        apiPort = try occupiedAPIPort ?? Loopback.freePort()
        poolPort = try Loopback.freePort()
        self.poolArguments = poolArguments
        pool = try PracticePool(poolArguments, port: poolPort, in: scratch)
        let database = arguments.firstIndex(of: "--database").map { arguments[$0 + 1] }
        databasePath = database ?? scratch.file("run/statistics.sqlite").path
        millrace = try Program(
            "millrace",
            (namesPool ? ["--url", "127.0.0.1:\(poolPort)", "--user", "practice"] : [])
                + (filePort == nil ? ["--bind", "127.0.0.1:\(minerPort)"] : [])
                + (namesShards ? ["--shards", "\(shards)"] : []) + [
                    "--http-host", "127.0.0.1", "--http-port", "\(apiPort)",
                    "--run-dir", scratch.file("run").path, "--no-color",
                ] + arguments, in: scratch, from: installs ? Service.installation(in: scratch) : Checkout.programs)
        let isReady = eventually(within: 10) {
            children("millrace-worker").count == shards && (occupiedAPIPort != nil || isServing) && isListening
        }
        try #require(isReady, "millrace did not start:\n\(millrace.log)")
    }

    deinit { _ = millrace.stop() }

    // MARK: - Programs of its own

    private static func installation(in scratch: Scratch) -> URL { scratch.file("bin") }

    /// Puts copies of the built programs in the place of those that are there, as a package does.
    private static func install(in scratch: Scratch) throws {
        let directory = installation(in: scratch)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for name in ["millrace", "millrace-worker", "millrace-collector", "millrace-gateway"] {
            let copy = directory.appending(path: name + ".new")
            try FileManager.default.copyItem(at: Checkout.program(name), to: copy)
            try #require(rename(copy.path, directory.appending(path: name).path) == 0)
        }
        // The verbs of a program whose place a broken one has taken are still to be had.
        let verb = directory.appending(path: "verb").path
        unlink(verb)
        try #require(link(directory.appending(path: "millrace").path, verb) == 0)
    }

    func install() throws { try Service.install(in: scratch) }

    /// Puts something else in the place of one program.
    func install(_ name: String, script: String, mode: mode_t = 0o755) throws {
        let file = Service.installation(in: scratch).appending(path: name)
        let copy = file.appendingPathExtension("new")
        try Data(script.utf8).write(to: copy)
        try #require(chmod(copy.path, mode) == 0 && rename(copy.path, file.path) == 0)
    }

    /// kill -9 for the pool, and a new one in its place.
    func replacePool() throws {
        pool.kill()
        pool = try PracticePool(poolArguments, port: poolPort, in: scratch)
    }

    // MARK: - Processes

    /// The living children of that program, oldest first.
    func children(_ name: String) -> [pid_t] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { pid_t($0) }.sorted().filter { pid in
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let open = stat.firstIndex(of: "("), let end = stat.lastIndex(of: ")")
            else { return false }
            let fields = stat[stat.index(end, offsetBy: 2)...].split(separator: " ")
            // The kernel keeps 15 bytes of a name; Z is a child that nobody has reaped yet.
            return stat[stat.index(after: open)..<end] == name.prefix(15) && fields[0] != "Z"
                && fields[1] == "\(millrace.pid)"
        }
    }

    var allChildren: [pid_t] {
        children("millrace-collector") + children("millrace-worker") + children("millrace-gateway")
    }

    /// kill -9 for the first child of that program; returns when another has taken its place.
    func killChild(_ name: String) throws {
        let victim = try #require(children(name).first)
        kill(victim, SIGKILL)
        try #require(eventually(within: 10) { children(name).first.map { $0 != victim } ?? false }, "\(millrace.log)")
    }

    // MARK: - Shards and what they leave

    /// The living process of a shard.
    func shard(_ number: Int) -> pid_t? {
        children("millrace-worker").first { process in
            let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
            return words?.hasPrefix("millrace-worker: shard \(number)\0") == true
        }
    }

    /// Whether the present process of the shard serves.
    func isReady(shard number: Int) -> Bool {
        guard let process = shard(number) else { return false }
        return millrace.log.contains("shard \(number) (process \(process)) is ready")
    }

    /// kill -9 for a shard; returns when its successor serves.
    func killShard(_ number: Int) throws {
        let victim = try #require(shard(number), "\(millrace.log)")
        kill(victim, SIGKILL)
        try #require(
            eventually(within: 15) { shard(number) != victim && isReady(shard: number) }, "\(millrace.log)")
    }

    /// Everything that runs in its name besides the supervisor: children, their anchors, and whoever they have left.
    var dependants: [pid_t] {
        let mark = Array("MILLRACE_CHILD_OF=\(scratch.file("run").path)".utf8)
        return allProcesses.filter { process in
            let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
            return environment.split(separator: 0).contains { $0.elementsEqual(mark) }
        }
    }

    /// The processes that keep the shards' connections.
    var anchors: [pid_t] {
        dependants.filter {
            (try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8)) == "millrace-anchor\n"
        }
    }

    /// Children of the supervisor that are dead and that it has not buried.
    var zombies: [pid_t] {
        allProcesses.filter { process in
            let fields = ProcessFiles.stat(of: process)
            return fields.count > 1 && fields[0] == "Z" && fields[1] == "\(millrace.pid)"
        }
    }

    private var allProcesses: [pid_t] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
    }

    /// One of the operator's verbs for this service.
    func verb(_ words: String...) throws -> (code: Int32?, text: String) {
        let program = try start(verb: words)
        return (program.wait(atMost: 60), program.log)
    }

    /// The same, without waiting for its end.
    func startVerb(_ words: String...) throws -> Program { try start(verb: words) }

    func start(verb words: [String]) throws -> Program {
        let place = ["--run-dir", scratch.file("run").path]
        let installation = Service.installation(in: scratch)
        let isInstalled = access(installation.appending(path: "verb").path, X_OK) == 0
        return try isInstalled
            ? Program("verb", words + place, in: scratch, from: installation)
            : Program("millrace", words + place, in: scratch)
    }

    // MARK: - What it says

    /// A document of the API; nil when it is not served.
    func document(_ path: String) -> [String: Any]? {
        guard let reply = try? HTTPClient(port: apiPort).get(path), reply.status == 200 else { return nil }
        return jsonObject(reply.body)
    }

    /// A request to the API by one who has the token TOKEN.
    func send(_ method: String, _ path: String, body: String = "") throws -> HTTPClient.Reply {
        let headers = "Authorization: Bearer TOKEN\r\nContent-Type: application/json\r\n"
        return try HTTPClient(port: apiPort).send(method, path, headers: headers, body: body)
    }

    var isServing: Bool { document("/healthz") != nil }

    private var isListening: Bool { Loopback.isServed(minerPort) }

    /// `results.accepted` of the API.
    var accepted: Int? { (document("/")?["results"] as? [String: Any])?["accepted"] as? Int }

    /// `miners.now` of the API.
    var minersNow: Int? { (document("/")?["miners"] as? [String: Any])?["now"] as? Int }

    /// The accepted shares of all rows of the workers table.
    var acceptedByWorkers: Int? {
        (document("/workers.json")?["workers"] as? [[Any]])?.reduce(0) { $0 + ($1[3] as? Int ?? 0) }
    }

    /// `durable`, `failing` or `off`, as `/1/shards` says.
    var databaseState: String? { (document("/1/shards")?["database"] as? [String: Any])?["state"] as? String }

    /// Events of all shards that were lost for good; nil when it is not said of each.
    var eventsLost: Int? {
        guard let shards = document("/1/shards")?["shards"] as? [[String: Any]], !shards.isEmpty else { return nil }
        let counts = shards.compactMap { ($0["events"] as? [String: Any])?["lost"] as? Int }
        return counts.count == shards.count ? counts.reduce(0, +) : nil
    }

    /// Accepted shares in the database: of the service, and of its workers together.
    var acceptedInDatabase: [Int] {
        let script = """
            import sqlite3, sys
            file = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
            for table in ("service", "worker"):
                print(file.execute("SELECT sum(accepted) FROM " + table).fetchone()[0] or 0)
            """
        let query = try? Command(URL(filePath: "/usr/bin/python3"), ["-c", script, databasePath])
        return (query?.output ?? "").split(separator: "\n").compactMap { Int($0) }
    }

    /// The row of that name in `/1/workers`.
    func worker(_ name: String) -> [Any]? {
        (document("/1/workers")?["workers"] as? [[Any]])?.first { $0.first as? String == name }
    }

    // MARK: - Miners

    /// A miner by hand, which has logged in.
    func miner(_ login: String = "hand", pass: String = "x", fields: String = "") throws -> LineMiner {
        let miner = try LineMiner(port: minerPort)
        try miner.logIn(login, pass: pass, fields: fields)
        return miner
    }

    /// A crowd of miners that runs by itself.
    /// - Parameter accepted: how many shares it waits for.
    func startSwarm(_ arguments: [String], reaching accepted: Int = 0) throws -> Swarm {
        let report = scratch.file("swarm-\(UUID().uuidString.prefix(8)).json")
        let program = try Program(
            "millrace-swarm",
            ["--connect", "127.0.0.1:\(minerPort)", "--quiet", "--report-file", report.path] + arguments, in: scratch)
        let swarm = Swarm(program: program, reportFile: report)
        try #require(accepted == 0 || swarm.hasReached(accepted), "\(millrace.log)")
        return swarm
    }
}

/// Simulated miners, and what they saw.
struct Swarm {
    let program: Program
    let reportFile: URL

    /// Waits for its end and reads its report.
    func finish(within seconds: Double = 60) throws -> SwarmReport {
        let status = program.wait(atMost: seconds)
        try #require(status == 0, "the swarm: \(program.log)")
        return try #require(current)
    }

    /// The report as it is now.
    var current: SwarmReport? {
        guard let data = try? Data(contentsOf: reportFile) else { return nil }
        return try? JSONDecoder().decode(SwarmReport.self, from: data)
    }

    /// Waits until its miners have been told of so many accepted shares.
    func hasReached(_ accepted: Int, within seconds: Double = 20) -> Bool {
        eventually(within: seconds) { (current?.shares.ok ?? 0) >= accepted }
    }
}

struct SwarmReport: Decodable {
    struct Connections: Decodable {
        var made: Int
        var lost: Int
        var now: Int
    }
    struct Shares: Decodable {
        var sent: Int
        var ok: Int
        var lost: Int
        var refused: [String: Int]
        var outstanding: Int
    }
    struct Logins: Decodable {
        var ok: Int
    }
    var connections: Connections
    var logins: Logins
    var shares: Shares
    var nonceConflicts: Int

    enum CodingKeys: String, CodingKey {
        case connections, logins, shares
        case nonceConflicts = "nonce_conflicts"
    }
}
