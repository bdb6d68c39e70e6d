public import Configuration

extension Settings {
    /// Values that no log line and no API answer may contain.
    public var secrets: [String] {
        pools.map(\.password) + (pools.map(\.proxy?.password) + [accessPassword, api?.accessToken]).compactMap { $0 }
    }
}
