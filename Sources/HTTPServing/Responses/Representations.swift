/// The representations of one body, one for each coding, each made when it is first requested.
package struct Representations: Sendable {
    private let answer: Answer
    private var made: [ContentCoding: Representation] = [:]

    package init(_ answer: Answer) {
        self.answer = answer
    }

    /// The representation in a coding, or in a simpler one if compression gains nothing. nil if there is no memory for
    /// it.
    package mutating func representation(
        in coding: ContentCoding, ledger: BodyLedger, limits: HTTPLimits
    ) -> Representation? {
        if let representation = made[coding] { return representation }
        switch coding {
        case .identity:
            made[.identity] = Representation(answer, coding: .identity, ledger: ledger)
        case .gzip:
            var packed = answer
            if answer.body.count >= limits.compressedBodyBytes, let body = ContentCoding.gzip(answer.body) {
                packed.body = body
                made[.gzip] = Representation(packed, coding: .gzip, ledger: ledger)
            } else {
                made[.gzip] = representation(in: .identity, ledger: ledger, limits: limits)
            }
        }
        return made[coding]
    }
}
