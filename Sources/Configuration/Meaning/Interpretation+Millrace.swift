extension Interpretation {
    /// Reads the `millrace` object.
    mutating func readMillrace(_ section: Section) {
        readShards(section)
        settings.logFormat = choice("log-format", in: section, as: Settings.LogFormat.self) ?? .text
        settings.keepsConnections = section.boolean("keep-connections") ?? true
        settings.guardsPools = section.boolean("guard-pools") ?? true
        settings.passesLogins = section.boolean("pass-login") ?? false
        if settings.passesLogins, settings.mode != .simple {
            findings.warn(
                section.name(of: "pass-login"), at: section.origin(of: "pass-login"),
                "has an effect only with \"mode\": \"simple\"")
        }
        readLimits(section.section("limits", &findings))
        let runDirectory = path("run-dir", in: section)
        settings.runDirectory = runDirectory ?? defaultRunDirectory
        settings.database = path("database", in: section) ?? defaultDatabase(hasOwnRunDirectory: runDirectory != nil)
        settings.metricsPerWorker = section.integer("metrics-per-worker").map { Int($0) } ?? settings.metricsPerWorker
        settings.historyDays = section.integer("history-days").map { Int($0) } ?? settings.historyDays
        settings.forgetWorkersDays =
            section.integer("forget-workers-days").map { Int($0) } ?? settings.forgetWorkersDays
        let hosts = readHosts(section)
        settings.api?.hosts = hosts
        settings.api?.allowsOtherOrigins = section.boolean("http-cors")
        let length = settings.runDirectory.utf8.count
        if length > Settings.runDirectoryBytesMax {
            findings.fail(
                section.name(of: "run-dir"), at: section.origin(of: "run-dir"),
                "the path has \(length) bytes; the limit for sockets in it is \(Settings.runDirectoryBytesMax)")
        }
    }

    private mutating func readLimits(_ section: Section) {
        var limits = Settings.Limits()
        func read(_ key: String, _ member: WritableKeyPath<Settings.Limits, Int>) {
            if let number = section.integer(key) { limits[keyPath: member] = Int(number) }
        }
        read("connections", \.connections)
        read("waiting", \.waiting)
        read("logins", \.logins)
        read("burst", \.burst)
        read("faults", \.faults)
        read("ban", \.banSeconds)
        limits.isDryRun = section.boolean("dry-run") ?? false
        limits.allowed = prefixes("allow", in: section)
        limits.denied = prefixes("deny", in: section)
        limits.allowFile = path("allow-file", in: section)
        limits.denyFile = path("deny-file", in: section)
        settings.limits = limits == Settings.Limits() ? nil : limits
    }

    private mutating func prefixes(_ key: String, in section: Section) -> [String] {
        let nodes = section.array(key) ?? []
        if nodes.count > Settings.Limits.prefixesMax {
            findings.fail(
                section.name(of: key), at: section.origin(of: key),
                "more than \(Settings.Limits.prefixesMax) addresses; move them to a file (\"\(key)-file\")")
            return []
        }
        return prefixes(nodes, named: section.name(of: key)).map(\.text)
    }

    private mutating func readHosts(_ section: Section) -> [String]? {
        guard let nodes = section.array("http-hosts"), !nodes.isEmpty else { return nil }
        let name = section.name(of: "http-hosts")
        if nodes.count > Settings.API.hostsMax {
            findings.fail(name, at: section.origin(of: "http-hosts"), "more than \(Settings.API.hostsMax) names")
        }
        return nodes.enumerated().compactMap { index, node in
            if case .text(let text) = node.value, !text.isEmpty, text.utf8.count <= 253,
                text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !":/@".utf8.contains($0) })
            {
                return text
            }
            findings.fail(
                "\(name)[\(index)]", at: node.origin, "expected a host name without scheme and port, or \"*\"")
            return nil
        }
    }

    private mutating func readShards(_ section: Section) {
        let limit = Settings.shardsLimit
        let cores = min(max(surroundings.coreCount, 1), limit)
        guard let node = section["shards"], node.value != .text("auto"), node.value != .text("") else {
            settings.shardsMax = cores
            return
        }
        let number = section.integer("shards")
        if node.value == .text("cores") {
            settings.shards = cores
        } else if let number, (1...Int64(limit)).contains(number) {
            settings.shards = Int(number)
        } else {
            findings.fail(
                section.name(of: "shards"), at: node.origin,
                "expected \"auto\", \"cores\" or a number from 1 to \(limit), found "
                    + (number.map(String.init) ?? node.value.kindName))
        }
    }

    /// The directory that systemd created for the unit; for root the fixed path of the service; otherwise the user's
    /// runtime directory. Root ignores XDG_RUNTIME_DIR, so that commands in a login shell of root find the service.
    private var defaultRunDirectory: String {
        if let directory = surroundings.directoryVariable("RUNTIME_DIRECTORY") { return directory }
        if surroundings.userID == 0 { return "/run/millrace" }
        if let directory = surroundings.directoryVariable("XDG_RUNTIME_DIR") { return directory + "/millrace" }
        return absolute("millrace-\(surroundings.userID)", from: surroundings.temporaryDirectory)
    }

    /// The state directory that the service manager created for this unit belongs to one instance and persists longer
    /// than its run directory. Otherwise an instance with its own run directory keeps its statistics there: two
    /// instances must not write to the same database because the operator forgot to set it.
    private mutating func defaultDatabase(hasOwnRunDirectory: Bool) -> String {
        let name = "/statistics.sqlite"
        if let directory = surroundings.directoryVariable("STATE_DIRECTORY") { return directory + name }
        if hasOwnRunDirectory { return settings.runDirectory + name }
        if surroundings.userID == 0 { return "/var/lib/millrace" + name }
        let directories = surroundings.stateDirectories
        let chosen = directories.first { !surroundings.unusableStateDirectories.contains($0) }
        let database = chosen.map { $0 + "/millrace" + name } ?? settings.runDirectory + name
        if chosen == nil || chosen != directories.first {
            let cause = directories.first.map { "\($0) cannot be written to" } ?? "there is no home directory (HOME)"
            findings.warn(
                "millrace.database", at: .nowhere,
                "\(cause); statistics are stored in \(database) (change this with --database FILE)")
        }
        return database
    }
}
