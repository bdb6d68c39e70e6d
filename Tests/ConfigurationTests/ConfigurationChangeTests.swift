import Testing

@testable import Configuration

struct ConfigurationChangeTests {
    @Test func eachProcessKnowsWhichChangedKeysAreItsOwn() {
        let old = Settings()
        var new = old
        new.retries += 1
        new.historyDays += 1
        new.isVerbose.toggle()
        new.workerNaming = .user
        new.watchesFile.toggle()
        let change = ConfigurationChange(from: old, to: new)
        #expect(change.changed(of: .shards) == ["retries", "workers", "verbose"])
        #expect(change.changed(of: .collector) == ["verbose", "millrace.history-days"])
        #expect(change.changed(of: .gateway) == ["workers", "verbose"])
        #expect(ConfigurationChange(from: new, to: new).changed(of: .all) == [])
    }

    private let base = resolved(withPool("\"http\": {\"enabled\": true, \"port\": 1}")).settings ?? Settings()

    private func change(_ edit: (inout Settings) -> Void) -> ConfigurationChange {
        var new = base
        edit(&new)
        return ConfigurationChange(from: base, to: new)
    }

    /// A new member of `Settings` needs its line in the table.
    @Test func everySettingIsInTheTable() {
        let names = Mirror(reflecting: Settings()).children.compactMap(\.label)
        #expect(Set(names) == Set(ConfigurationChange.fields.map(\.name)))
        #expect(names.count == ConfigurationChange.fields.count)
    }

    @Test func nothingFollowsFromNothing() {
        let change = change { _ in }
        #expect(change.settings == base)
        #expect(change.replaces == [] && change.changed == [] && change.waiting == [])
    }

    @Test(
        arguments: [
            ("\"retries\": 5", "retries", 2), ("\"access-password\": \"p\"", "access-password", 2),
            ("\"custom-diff\": 500", "custom-diff", 2), ("\"dns\": {\"ttl\": 5}", "dns", 2),
            ("\"workers\": \"ip\"", "workers", 6),
            ("\"verbose\": true", "verbose", 7), ("\"watch\": false", "watch", 0),
            ("\"autosave\": false", "autosave", 0),
            ("\"tls\": {\"enabled\": false}", "tls", 6), ("\"tls\": {\"gen\": \"n\"}", "tls", 6),
            ("\"millrace\": {\"shards\": 9}", "millrace.shards", 0),
            ("\"bind\": [\"127.0.0.1:9\"]", "bind", 2),
            ("\"millrace\": {\"keep-connections\": false}", "millrace.keep-connections", 2),
            ("\"millrace\": {\"guard-pools\": false}", "millrace.guard-pools", 2),
            ("\"millrace\": {\"limits\": {\"logins\": 5}}", "millrace.limits", 2),
            ("\"user-agent\": \"u\"", "user-agent", 2),
        ] as [(String, String, UInt8)])
    func aKeyReplacesWhoReadsIt(members: String, key: String, processes: UInt8) throws {
        let http = "\"http\": {\"enabled\": true, \"port\": 1}, "
        let new = try #require(resolved(withPool(http + members)).settings)
        let change = ConfigurationChange(from: base, to: new)
        #expect(change.changed == [key])
        #expect(change.replaces.rawValue == processes)
        #expect(change.settings == new && change.waiting == [])
    }

    @Test func whatCannotBeChangedWaitsAndTheRestIsTaken() {
        let change = change {
            $0.runDirectory = "/elsewhere"
            $0.retries = 9
        }
        #expect(change.waiting == ["millrace.run-dir"])
        #expect(change.changed == ["retries"] && change.replaces == .shards)
        var expected = base
        expected.retries = 9
        #expect(change.settings == expected)
    }

    @Test func whatWaitedAndIsTakenBackWaitsNoMore() {
        let first = change { $0.runDirectory = "/log" }
        #expect(ConfigurationChange(from: first.settings, to: base).waiting == [])
    }

    @Test func aGatewayThatComesOrGoesIsNotReplaced() {
        let off = change { $0.api = nil }
        #expect(off.changed == ["http"] && off.replaces == [])
        #expect(ConfigurationChange(from: off.settings, to: base).replaces == [])
        #expect(change { $0.api?.port = 2 }.replaces == .gateway)
    }
}

struct FileWatchTests {
    private func state(_ number: UInt64) -> FileWatch.Identity {
        FileWatch.Identity(device: 1, inode: number, size: 1, modified: 1, changed: 1)
    }

    /// Looks at these states (0 = no file) at these times; the findings.
    private func findings(_ looks: [(UInt64, Int64)], knowing: UInt64 = 1) -> [FileWatch.Finding] {
        var watch = FileWatch(knowing: knowing == 0 ? nil : state(knowing))
        return looks.map { watch.look(at: $0.0 == 0 ? nil : state($0.0), now: $0.1) }
    }

    @Test func aFileThatRestsIsNoNews() {
        #expect(findings([(1, 0), (1, 1_000), (1, 2_000)]) == [.nothing, .nothing, .nothing])
    }

    @Test func aChangeIsToldOnceTheFileHasBeenLeftAlone() {
        #expect(
            findings([(2, 0), (2, 499), (2, 500), (2, 1_500)]) == [.nothing, .nothing, .changed, .nothing])
        #expect(
            findings([(2, 0), (3, 400), (4, 800), (4, 1_299), (4, 1_300)])
                == [.nothing, .nothing, .nothing, .nothing, .changed])
    }

    @Test func anEditorThatRemovesTheFileForAMomentIsWaitedFor() {
        #expect(findings([(0, 0), (2, 300), (2, 800)]) == [.nothing, .nothing, .changed])
        #expect(findings([(0, 0), (1, 300)]) == [.nothing, .nothing])
    }

    @Test func aFileThatIsGoneIsToldOnceAndItsReturnToo() {
        #expect(
            findings([(0, 0), (0, 500), (0, 9_000), (2, 9_500), (2, 10_000)]) == [
                .nothing, .gone, .nothing, .nothing, .changed,
            ])
    }

    @Test func whatWeWroteOurselvesIsNoNews() {
        var watch = FileWatch(knowing: state(1))
        _ = watch.look(at: state(2), now: 0)
        watch.know(state(2))
        #expect(watch.look(at: state(2), now: 1_000) == .nothing)
        #expect(watch.pauseMillis == FileWatch.lookMillis)
    }
}
