internal import ArgumentParser
internal import Control
internal import DaemonKit

/// `millrace bans`
struct BansVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bans", abstract: "Show the addresses that are banned.",
        discussion: """
            An address is banned when its connections break the protocol more often than millrace.limits.faults \
            allows, and none of its miners has an accepted share. To refuse an address always, use \
            millrace.limits.deny.

            \(verbExitCodes)
            """, helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    func run() {
        switch service.ask(.bans, of: service.client()) {
        case .bans(let bans): print(service.json ? JSONLine.of(bans) + "\n" : BansVerb.text(bans), terminator: "")
        case let other: service.leave(VerbOutcome(other, done: []))
        }
    }

    static func text(_ bans: [BannedAddress]) -> String {
        guard !bans.isEmpty else { return "no address is banned\n" }
        let width = max(bans.map(\.address.count).max() ?? 0, 7)
        func line(_ address: String, _ left: String, _ bans: String, _ refused: String) -> String {
            let pad = { (text: String, width: Int) in text + String(repeating: " ", count: max(width - text.count, 0)) }
            return "\(pad(address, width))  \(pad(left, 10))  \(pad(bans, 4))  \(refused)\n"
        }
        return bans.reduce(line("ADDRESS", "ENDS IN", "BANS", "REFUSED")) { text, ban in
            text + line(ban.address, "\((ban.secondsLeft + 59) / 60) min", "\(ban.bans)", "\(ban.refused)")
        }
    }
}

/// `millrace unban <address>`
struct UnbanVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unban", abstract: "Lift the ban of an address, or all bans.", discussion: verbExitCodes,
        helpNames: .shortAndLong)

    @Argument(help: ArgumentHelp("An address, as `millrace bans` shows it.", valueName: "address")) var address: String?
    @Flag(help: "Lift all bans.") var all = false
    @OptionGroup var service: ServiceAddress

    func validate() throws {
        guard (address == nil) == all else { throw ValidationError("Give an address, or --all.") }
    }

    func run() {
        let reply = service.ask(.unban(address: address), of: service.client())
        service.leave(
            VerbOutcome(
                reply, done: [address.map { "\($0) is no longer banned" } ?? "all bans are lifted"]))
    }
}
