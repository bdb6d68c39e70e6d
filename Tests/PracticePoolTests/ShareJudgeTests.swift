import StratumProtocol
import TestSupport
import Testing

@testable import PracticePool

/// A judge of client 7 that has been sent every job since the first.
private struct Court {
    var history = JobHistory()
    var rules = PoolRules()
    var judge: ShareJudge
    var steps = SeededGenerator(seed: 1)

    init(nonceByte: UInt8? = nil) {
        judge = ShareJudge(session: 0xabcd, client: 7, nonceByte: nonceByte)
        nextJob()
    }

    mutating func nextJob() {
        history.makeJob(using: &steps)
        judge.sent(job: history.made, history: history)
    }

    /// A share that is right in everything.
    func claim(nonce: UInt32 = 1, job: UInt32 = 1) -> ShareClaim {
        ShareClaim(
            session: 0xabcd, job: JobName(job: job, client: 7), nonce: nonce,
            hash: InlineArray<32, UInt8>(repeating: 0), algorithm: .asAsked)
    }

    /// The refusal's name, or "accepted", or "unverified".
    mutating func word(for claim: ShareClaim) -> String {
        switch judge.judge(claim, history: history, rules: rules) {
        case .accepted: "accepted"
        case .rejected(let refusal): refusal.rawValue
        case .unverified: "unverified"
        }
    }
}

struct ShareJudgeTests {
    @Test func aRightShareIsAcceptedOnce() {
        var court = Court()
        #expect(court.word(for: court.claim()) == "accepted")
        #expect(court.word(for: court.claim()) == "duplicate")
    }

    @Test func theSameNonceIsFreshInEveryJob() {
        var court = Court()
        #expect(court.word(for: court.claim()) == "accepted")
        court.nextJob()
        #expect(court.word(for: court.claim(job: 2)) == "accepted")
        #expect(court.word(for: court.claim(job: 1)) == "duplicate")
    }

    @Test func aFewJobsBackIsFineAndOlderIsExpired() {
        var court = Court()
        for _ in 1..<JobHistory.rememberedMax { court.nextJob() }
        #expect(court.word(for: court.claim(job: 1)) == "accepted")
        court.nextJob()
        #expect(court.word(for: court.claim(job: 1)) == "expired_job")
        #expect(court.word(for: court.claim(job: 2)) == "accepted")
    }

    @Test func aJobThatNeverWasOrIsYetToComeIsUnknown() {
        var court = Court()
        #expect(court.word(for: court.claim(job: 0)) == "unknown_job")
        #expect(court.word(for: court.claim(job: 2)) == "unknown_job")
        var claim = court.claim()
        claim.job = nil
        #expect(court.word(for: claim) == "unknown_job")
    }

    @Test func aJobFromBeforeTheLoginWasNeverThisClients() {
        var court = Court()
        court.nextJob()
        var late = ShareJudge(session: 0xabcd, client: 7, nonceByte: nil)
        late.sent(job: 2, history: court.history)
        court.judge = late
        #expect(court.word(for: court.claim(job: 1)) == "unknown_job")
        #expect(court.word(for: court.claim(job: 2)) == "accepted")
    }

    @Test func aShareForAnotherClientsJobIsForeign() {
        var court = Court()
        var claim = court.claim()
        claim.job = JobName(job: 1, client: 8)
        #expect(court.word(for: claim) == "foreign_job")
    }

    @Test func aWrongSessionIsToldBeforeAnythingElse() {
        var court = Court()
        var claim = court.claim()
        claim.session = 1
        claim.nonce = nil
        #expect(court.word(for: claim) == "unauthenticated")
    }

    @Test func missingNonceOrHashIsMalformed() {
        var court = Court()
        var claim = court.claim()
        claim.nonce = nil
        #expect(court.word(for: claim) == "malformed")
        claim = court.claim()
        claim.hash = nil
        #expect(court.word(for: claim) == "malformed")
    }

    @Test func anotherAlgorithmIsRefusedAndNoneIsFine() {
        var court = Court()
        var claim = court.claim()
        claim.algorithm = .different
        #expect(court.word(for: claim) == "wrong_algorithm")
        claim.algorithm = .notGiven
        #expect(court.word(for: claim) == "accepted")
    }

    @Test func theReservedByteMustStandInTheNonce() {
        var court = Court(nonceByte: 0x1b)
        #expect(court.word(for: court.claim(nonce: 0x1c00_0001)) == "bad_nonce_byte")
        #expect(court.word(for: court.claim(nonce: 0x1b00_0001)) == "accepted")
    }

    @Test func aHashJustAboveTheTargetIsTooEasy() {
        var court = Court()
        var claim = court.claim()
        // Difficulty 1,000: the tail may be at most (2^64-1)/1,000, byte for byte, little endian.
        let limit = UInt64.max / court.rules.target.difficulty
        claim.hash = hash(tail: limit + 1)
        #expect(court.word(for: claim) == "low_difficulty")
        claim.hash = hash(tail: limit)
        #expect(court.word(for: claim) == "accepted")
    }

    @Test func aRefusedShareDoesNotUseItsNonceUp() {
        var court = Court()
        var easy = court.claim()
        easy.hash = hash(tail: .max)
        #expect(court.word(for: easy) == "low_difficulty")
        #expect(court.word(for: court.claim()) == "accepted")
    }

    @Test func theBlobToVerifyHoldsTheNonceWhereMinersPutIt() throws {
        var court = Court(nonceByte: 0x1b)
        court.rules.verifiesHashes = true
        let verdict = court.judge.judge(court.claim(nonce: 0x1b03_0201), history: court.history, rules: court.rules)
        guard case .unverified(let share) = verdict else { throw TestFailure("\(verdict)") }
        #expect((39..<43).map { share.blob[$0] } == [0x01, 0x02, 0x03, 0x1b])
    }

    private func hash(tail: UInt64) -> InlineArray<32, UInt8> {
        InlineArray { $0 < 24 ? 0xff : UInt8(truncatingIfNeeded: tail >> UInt64(($0 - 24) * 8)) }
    }
}

struct NonceSetTests {
    @Test func everyNonceIsNewOnceWhateverTheOrder() {
        var set = NonceSet()
        var steps = SeededGenerator(seed: 9)
        var model: Set<UInt32> = []
        for _ in 0..<20_000 {
            let nonce = UInt32(truncatingIfNeeded: steps.next()) & 0x3fff
            #expect(set.insert(nonce) == (model.insert(nonce).inserted ? .new : .seen))
        }
    }

    @Test func zeroIsANonceToo() {
        var set = NonceSet()
        #expect(set.insert(0) == .new)
        #expect(set.insert(0) == .seen)
    }
}
