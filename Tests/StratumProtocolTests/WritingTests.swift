import TestSupport
import Testing

@testable import StratumProtocol

/// Everything that we write, compared with its example byte by byte.
struct WritingTests {
    private let session: UInt64 = 0x9f3c_0a1b_e5d2_4477

    // MARK: - To miners

    @Test func aLoginReply() throws {
        let job = JobLine(try exampleJob("pool-login-reply"))
        let reply = written {
            MinerReply.login(
                id: 1, session: session, job: job, for: JobShare(nonceByte: 0x1b, customDifficulty: nil),
                extensions: MinerReply.Extensions(algo: true, nicehash: true), to: &$0)
        }
        try Golden.expect(reply, equals: "to-miner-login-reply")
    }

    @Test(arguments: [
        (true, true, #"["algo","nicehash","keepalive"]"#), (false, true, #"["nicehash","keepalive"]"#),
        (true, false, #"["algo","keepalive"]"#), (false, false, #"["keepalive"]"#),
    ])
    func extensionsHaveTheirOrder(algo: Bool, nicehash: Bool, list: String) throws {
        let job = JobLine(try exampleJob())
        let reply = written {
            MinerReply.login(
                id: 1, session: session, job: job, for: JobShare(nonceByte: nil, customDifficulty: nil),
                extensions: MinerReply.Extensions(algo: algo, nicehash: nicehash), to: &$0)
        }
        #expect(reply.hasSuffix(#","extensions":\#(list),"status":"OK"}}"# + "\n"))
    }

    @Test func aJob() throws {
        let job = JobLine(try exampleJob())
        try Golden.expect(
            written { MinerReply.job(job, for: JobShare(nonceByte: 0x1b, customDifficulty: nil), to: &$0) },
            equals: "to-miner-job")
        try Golden.expect(
            written { MinerReply.job(job, for: JobShare(nonceByte: 0x1b, customDifficulty: 5_000), to: &$0) },
            equals: "to-miner-job-custom-difficulty")
    }

    @Test func answers() throws {
        try Golden.expect(written { MinerReply.ok(id: 42, to: &$0) }, equals: "to-miner-share-accepted")
        try Golden.expect(written { MinerReply.keepalived(id: 43, to: &$0) }, equals: "to-miner-keepalived")
        try Golden.expect(written { MinerReply.refusal(.staleShare, id: 42, to: &$0) }, equals: "to-miner-refusal")
        try Golden.expect(
            written { MinerReply.refusal(text: "Block expired", id: 42, to: &$0) },
            equals: "to-miner-pool-refusal")
    }

    @Test func aPoolsWordsCannotBreakTheLine() throws {
        let reply = written { MinerReply.refusal(text: "no\"}}\n{\"", id: 1, to: &$0) }
        #expect(reply.filter { $0 == "\n" }.count == 1)
        guard case .refused(1, "no\"}}\n{\"") = try JSONParser().poolMessage(reply) else {
            throw TestFailure("the words have changed")
        }
    }

    @Test func noRefusalMakesXMRigReconnectUnlessItShould() {
        // It drops its connection at texts that begin so (docs/COMPATIBILITY.md, "Refusals").
        let alarming = ["unauthenticated", "your ip is banned", "ip address currently banned", "invalid job id"]
        for refusal in MinerReply.Refusal.allCases where refusal != .unauthenticated {
            let text = refusal.text.description.lowercased()
            #expect(!alarming.contains { text.hasPrefix($0) })
        }
    }

    // MARK: - To pools

    @Test func aLogin() throws {
        let user = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
        let login = written {
            PoolRequest.login(
                id: 1, user: user, password: "x", agent: "millrace/0.1.0 (Linux x86_64)", rigID: "proxy-1",
                algorithm: name("rx/0"), to: &$0)
        }
        try Golden.expect(login, equals: "to-pool-login")
    }

    @Test func whatALoginDoesNotHaveIsLeftOutAndQuotesAreEscaped() {
        let login = written {
            PoolRequest.login(
                id: 1, user: "u\"", password: "p\\", agent: "a\n", rigID: nil, algorithm: nil, to: &$0)
        }
        #expect(
            login
                == #"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"u\"","pass":"p\\","agent":"a\u000a"}}"#
                + "\n")
    }

    @Test func aShareGoesToThePoolAsTheMinerSentIt() throws {
        guard case .submit(let share) = try JSONParser().minerRequest(try Golden.text("miner-submit")),
            let nonce = share.nonce, let hash = share.hash, let algorithm = share.algorithm
        else {
            throw TestFailure("no share")
        }
        let forwarded = ForwardedShare(jobID: name("8842"), nonce: nonce, hash: hash)
        let submit = written {
            PoolRequest.submit(
                id: 7, session: name("7ad10ef2-51c6"), share: forwarded, algorithm: AlgorithmName(algorithm),
                to: &$0)
        }
        try Golden.expect(submit, equals: "to-pool-submit")
    }

    @Test func signatureCommitmentAndAlgorithmGoAlongWhenTheyAreThere() {
        var share = ForwardedShare(jobID: name(#"j "1" \"#), nonce: 1, hash: InlineArray(repeating: 0))
        let plain = written {
            PoolRequest.submit(id: 2, session: name("s"), share: share, algorithm: nil, to: &$0)
        }
        #expect(!plain.contains("algo"))
        #expect(!plain.contains("sig"))
        share.signature = InlineArray(repeating: 0x11)
        share.commitment = InlineArray(repeating: 0x22)
        let full = written {
            PoolRequest.submit(id: 2, session: name("s\""), share: share, algorithm: name("a\"b"), to: &$0)
        }
        let (signature, commitment) = (String(repeating: "11", count: 64), String(repeating: "22", count: 32))
        #expect(full.contains(#","sig":"\#(signature)","commitment":"\#(commitment)","algo":"a\"b"}}"#))
        #expect(full.contains(#""params":{"id":"s\"","job_id":"j \"1\" \\","nonce""#))
    }

    @Test func aKeepalive() throws {
        try Golden.expect(
            written { PoolRequest.keepalived(id: 8, session: name("7ad10ef2-51c6"), to: &$0) },
            equals: "to-pool-keepalived")
    }
}
