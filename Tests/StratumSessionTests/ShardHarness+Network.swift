import StratumProtocol
import TestSupport

@testable import StratumSession

extension ShardHarness {
    func deliver(_ text: String, to framer: inout LineFramer, _ line: (Span<UInt8>) -> Void) {
        for piece in pieces(of: text) {
            do {
                try framer.feed(piece.span) {
                    line($0)
                    return true
                }
            } catch {
                violations.append("a line over the limit")
            }
        }
    }

    /// As the network cuts it.
    func pieces(of text: String) -> [[UInt8]] { Array(text.utf8).pieces(of: chunk) }
}
