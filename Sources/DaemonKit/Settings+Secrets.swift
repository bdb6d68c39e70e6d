public import Configuration

extension Settings {
    /// What no log line and no answer may show.
    public var secrets: [String] {
        pools.map(\.password) + [accessPassword, api?.accessToken].compactMap { $0 }
    }
}
