internal import Addresses
internal import Configuration
internal import Control
internal import DaemonKit
internal import EventLoop
internal import Logging
internal import Peers

/// Owns the table of addresses (`PeerTable`) that shards and gateway share, and writes the allow and deny lists into
/// it. A change of a list needs no new process.
final class AddressBook {
    /// Descriptor of the table; nil when there is no memory for it. Then no limit per address is in force.
    let descriptor: Int32?
    private let table: PeerTable?
    private let loop: Loop
    private let log: Logger
    private var limits = Settings.Limits()
    private var watchers: [FileWatcher] = []
    /// The last addresses read from each file. They stay in force when the file can no longer be read.
    private var read: [String: [AddressPrefix]] = [:]

    /// - Parameter inherited: the table of the program that ran in this process before an upgrade.
    init(on loop: Loop, inherited: Int32?, log: Logger) {
        self.loop = loop
        self.log = log
        if let inherited, let table = PeerTable(descriptor: inherited) {
            (descriptor, self.table) = (inherited, table)
            return
        }
        let made = PeerTable.make { UInt64.random(in: .min ... .max) }
        table = made.flatMap { PeerTable(descriptor: $0) }
        descriptor = table == nil ? nil : made
    }

    /// Applies the limits of the configuration and reads list files that are new.
    func adopt(_ limits: Settings.Limits?) {
        let limits = limits ?? Settings.Limits()
        for watcher in watchers { watcher.close() }
        self.limits = limits
        let files = [limits.allowFile, limits.denyFile].compactMap(\.self)
        read = read.filter { files.contains($0.key) }
        watchers = files.map { path in
            FileWatcher(on: loop, path: path) { [unowned self] finding in
                if finding == .gone { log.warning("\(path) was removed; its addresses stay in force") }
                if finding == .changed { readAgain(path) }
            }
        }
        for path in files where read[path] == nil { readAgain(path) }
        write()
    }

    func close() {
        for watcher in watchers { watcher.close() }
        watchers = []
    }

    private func readAgain(_ path: String) {
        switch ConfigurationSource.read(path, mayWait: false) {
        case .success(let file) where file.bytes.count > AddressList.bytesMax:
            log.error(
                "\(path): larger than \(AddressList.bytesMax >> 10) KiB, the limit; the previous list stays in force"
            )
        case .success(let file):
            let list = AddressList(String(decoding: file.bytes, as: UTF8.self))
            if let bad = list.firstBadLine {
                log.warning(
                    """
                    \(path):\(bad.number): expected an address or a prefix, such as 192.0.2.7 or 10.0.0.0/8; \
                    \(counted(list.badLines, "line")) ignored
                    """)
            }
            read[path] = list.prefixes
            log.notice("\(path): \(counted(list.prefixes.count, "line")) with addresses read")
            write()
        case .failure(let failure):
            let consequence = read[path] == nil ? "treated as empty" : "the previous list stays in force"
            log.error("\(path): cannot be read: \(failure.reason); \(consequence)")
        }
    }

    private func write() {
        func prefixes(_ words: [String], _ file: String?) -> [AddressPrefix] {
            words.compactMap { AddressPrefix($0) } + (file.flatMap { read[$0] } ?? [])
        }
        let denied = prefixes(limits.denied, limits.denyFile)
        let allowed = prefixes(limits.allowed, limits.allowFile)
        if denied.count + allowed.count > AddressLists.prefixesMax {
            log.error(
                """
                allow and deny lists have \(denied.count + allowed.count) addresses together; those beyond \
                \(AddressLists.prefixesMax) are ignored
                """)
        }
        table?.write(denied: denied, allowed: allowed)
    }

    /// Clears the connections of a shard that has ended.
    func forget(shard: Int) { table?.clear(shard: shard) }

    // MARK: - Bans

    private var now: UInt64 { loop.nanoseconds / 1_000 }

    /// Bans in force, the one that ends last first.
    var bans: [BannedAddress] {
        let reports = table?.reports(at: now) ?? []
        return reports.filter { $0.bannedSeconds > 0 }.sorted { $0.bannedSeconds > $1.bannedSeconds }
            .map {
                BannedAddress(
                    address: $0.network.text, secondsLeft: $0.bannedSeconds, bans: $0.bans,
                    refused: $0.refusals[Int(PeerRefusal.banned.rawValue)])
            }
    }

    /// Lifts the ban of an address, or all bans when it is nil.
    func unban(_ address: String?) -> ControlReply {
        guard let address else {
            for ban in bans { _ = Network(ban.address).map { table?.unban($0, at: now) } }
            return .done
        }
        guard let network = Network(address) else {
            let line = "expected a numeric address, such as 192.0.2.7 or 2001:db8::1, found \(address)"
            return .refused(ControlRefusal(.invalid, lines: [line]))
        }
        guard table?.unban(network, at: now) == true else {
            return .refused(ControlRefusal(.impossible, lines: ["\(network.text) is not banned"]))
        }
        log.notice("ban of \(network.text) lifted")
        return .done
    }
}
