/// An option as it was given on a command line. Their order matters: `-o a -u x -o b` gives pool a the user x, and
/// pool b none.
public struct GivenOption: Codable, Sendable, Equatable {
    /// The long name without dashes, as in `KnownOption.name`.
    public var name: String
    /// nil for options without value.
    public var value: String?

    public init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}
