/// A parameter of the request is invalid. Says what was expected, and never repeats what was sent.
package struct QueryFault: Error, Equatable, CustomStringConvertible {
    var parameter: String
    var expectation: String

    package var description: String { "\(parameter): expected \(expectation)" }
}
