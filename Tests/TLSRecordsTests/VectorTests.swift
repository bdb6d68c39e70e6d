import Testing

@testable import TLSRecords

/// Records that others have made.
struct VectorTests {
    /// RFC 8448, 3: the records behind the handshake, in the order of the trace.
    enum Trace {
        static let clientSecret = [UInt8](
            hex: "9e40646c e79a7f9d c05af888 9bce6552 875afa0b 06df0087 f792ebb7 c17504a5")
        static let serverSecret = [UInt8](
            hex: "a11af9f0 5531f856 ad47116b 45a95032 8204b4f4 4bfb6b3a 4b4f1f3f cb631643")
        static let ticket = [UInt8](
            hex: """
                17030300de 3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db28
                9a015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e0
                9c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77f8
                1b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe5137121c74bc26
                97687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f
                """)
        static let clientData = [UInt8](
            hex: """
                1703030043 a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b
                62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4
                """)
        static let serverData = [UInt8](
            hex: """
                1703030043 2e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8
                fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d
                """)
        static let clientAlert = [UInt8](hex: "1703030013 c9872760655666b74d7ff1153efd6db6d0b0e3")
        static let serverAlert = [UInt8](hex: "1703030013 b58fd67166ebf599d24720cfbe7efa7a8864a9")
        static let content = (0..<50).map { UInt8($0) }

        static func endpoint(_ role: RecordState.Role, writeSequence: UInt64 = 0) -> Endpoint {
            Endpoint(.aes128GCM, role, client: clientSecret, server: serverSecret, writeSequence: writeSequence)
        }
    }

    @Test func derivesTheKeysOfRFC8448() {
        let client = TrafficKeys(.aes128GCM, secret: Trace.clientSecret.span, sequence: 0)
        #expect((0..<16).map { client.key[$0] } == [UInt8](hex: "17422dda596ed5d9acd890e3c63f5051"))
        #expect((0..<12).map { client.nonce[$0] } == [UInt8](hex: "5b78923dee08579033e523d9"))
        let server = TrafficKeys(.aes128GCM, secret: Trace.serverSecret.span, sequence: 1)
        #expect((0..<16).map { server.key[$0] } == [UInt8](hex: "9f02283b6c9c07efc26bb9f2ac92e356"))
        #expect((0..<12).map { server.nonce[$0] } == [UInt8](hex: "cf782b88dd83549aadf1e985"))
    }

    @Test(arguments: [1, 2, 5, 6, 7, 100, .max])
    func aClientFollowsTheTraceOfRFC8448(chunk: Int) throws {
        var client = Trace.endpoint(.client)
        try client.receive(Trace.ticket, chunk: chunk)
        #expect(client.dataCount == 0)
        #expect(client.seal(Trace.content) == Trace.clientData)
        try client.receive(Trace.serverData, chunk: chunk)
        #expect(client.received == Trace.content)
        #expect(client.seal(alert: .closeNotify) == Trace.clientAlert)
        try client.receive(Trace.serverAlert, chunk: chunk)
        #expect(client.ended == .closeNotify)
    }

    @Test(arguments: [1, 2, 5, 6, 7, 100, .max])
    func aServerFollowsTheTraceOfRFC8448(chunk: Int) throws {
        // OpenSSL has sent the ticket: record 0.
        var server = Trace.endpoint(.server, writeSequence: 1)
        try server.receive(Trace.clientData, chunk: chunk)
        #expect(server.received == Trace.content)
        #expect(server.seal(Trace.content) == Trace.serverData)
        try server.receive(Trace.clientAlert, chunk: chunk)
        #expect(server.ended == .closeNotify)
        #expect(server.seal(alert: .closeNotify) == Trace.serverAlert)
    }

    /// Computed by libgcrypt 1.10 and Python's hmac.
    struct Foreign: Sendable {
        let suite: CipherSuite
        let secret: String
        /// The same content sealed with different numbers: the number in hexadecimal digits (-2 is
        /// 2^64 - 2), the record behind its head.
        let records: String
        /// Behind a KeyUpdate: record 0, and record 1 with five bytes of padding.
        let updated: String

        static func read(_ table: String) -> [(sequence: UInt64, record: [UInt8])] {
            table.split(separator: "\n").map { row in
                let columns = row.split(separator: " ")
                let body = [UInt8](hex: String(columns[1]))
                return (UInt64(bitPattern: Int64(columns[0], radix: 16) ?? 0), [23, 3, 3, 0, UInt8(body.count)] + body)
            }
        }

        static let content = Array("{\"id\":1,\"method\":\"login\"}\n".utf8)
        static let all = [
            Foreign(
                suite: .aes128GCM, secret: "02cea9c3c71d509204cf3bf4c36303b866b04f187c1e8a0b1496e7e482940af5",
                records: """
                    0 118c70d12276bfb5a4707b7b41b1b8d75583471348df68db498ab1fc38d9da26fd3372c18ae5259d9f56c1
                    1 efb5271665c79e3492fc1855d541e8a568395bd651e12fbb2b97c121facb00a94af437c88b18c9b280643a
                    ff 8a4acc2c542c039d7e517c219baa9e8b824c89dea68c6c6b49f5615be3ccd7802b0f5bc4e1b6515cf0e881
                    100 b946866dad05f2b06415374f21936c07ddd12dba2dab9d95e816ad7348a39b0adf1a8b2390683892ca9a61
                    100000005 000f134364c530513901250cce518f19c1e54ca90dd4be4020f3b2a95249bb2f6497efbea259a384eaca7f
                    -2 50e089ff2e0232aac0643bab97eb640a99ea15c184ef93b0c185c33fab289f4e021ef738783d552c6475ec
                    """,
                updated: """
                    0 6bd4d0cc6d4a876ab0fed8e3cdd45c27fd649c19319b0bb0ef480e36fbf335ee7a1625526f19c07bd47ebe
                    1 3e8da94acd4d21ae76c16dceaa90bcd15a7ec62d766f72b049bcdf03de7ca9a7495870a3ffd5aabc63c00440ae301516
                    """),
            Foreign(
                suite: .aes256GCM,
                secret: """
                    03084b3e2da2f6ac36b166d4317b15c7f3ff03f8d31222947ccdf2d8816ababa
                    6c29a46f1316d9a068a3085c4434f1a5
                    """,
                records: """
                    0 7404ed3ae810fd36948f642a90af1a21a36678fb1051e6710d864ad96faee358bc0d5d1cd8c722fe34b86a
                    1 7070cf06a9d78fdaf0c25b03c07beb659fa1b5e22558965f8ed340672f5a7a79703e94bd8bf98161b52fd3
                    ff 8d76a0c16247b42d3135c1ec91028e0f75b1d0542c91c3cab1dc5ce7eb2d2cd1fa40afecbb7d4523a9e089
                    100 85bb223e31f6781052157416f30dd61a02cb26b0a0d221a5be1a6aa3feeef75953b6637fc2d4ca98f8f78a
                    100000005 08cb92b9914ffc90dca489ddb273421cae00e130aa39e66a7bd6c754c5701a8e3f2384041900c5b49a828f
                    -2 302a5f2d36197b43f57283769279ea8b04b357349338bfd76b4002bc8d27f2f006dd577febd0981b8c1a5e
                    """,
                updated: """
                    0 b3f84545e87d9ba39dee7563cfc7fbe277f5a1a371f0f690b7b85fa8d10deebb549e20d76b127b2c66c8bd
                    1 0abbbf72c9eb9cd1a897ce50077948942ee86933277bed62804e07a258ad3ec423b6aae1a226682a71d0ea2f21395b71
                    """),
            Foreign(
                suite: .chaCha20Poly1305, secret: "7d0737ad14e405e72de22b3864b03d264e9efff8f446e2255b7fb060706c1233",
                records: """
                    0 bc1064a1db24a4bd4f955ac3157d8bd3d6d00ab30073ba2dccd50352d759f766b0148dd53e42fe0edd7848
                    1 447e9e078aad9b635442a15f55c49ea97ed70566187944149e3504292c8865590005705b8c6469dbfc4459
                    ff e342fbdc085ba1b9b37bc2802fa2a8190e6d5cc7088667f1a4ebf9647cd24756b50f5717f740a9382599b0
                    100 c0130bace359c9942deedfc3ae17e42725354a5613ea39c3a3ea1739f48ed89b1220da5693333d27ac15ba
                    100000005 6d2861c957cedfaf7a0ce40eb1eb8c6c52f668928031bdac906d4c31435f4ca8c089d6b570c5f3bd06a602
                    -2 edfeefc944052f55515ce03946a99a78eff02e77b0d4657eec2d43d8b9de652053a1d75779e665518bf3a0
                    """,
                updated: """
                    0 6ee5d2b0578a5c6d46ee155a29301a504797afa6d94cb54e148f3ba23373493a1db6e4373b8070e295c7fe
                    1 7288e104049228445847ddf61660b04ff93c230f4411243ab89909938d93d0c86c87510699e468bab790375724d6b508
                    """),
        ]
    }

    @Test(arguments: Foreign.all)
    func sealsAndOpensWhatAnotherImplementationSeals(vector: Foreign) {
        let cipher = RecordCipher()
        let secret = [UInt8](hex: vector.secret)
        for (sequence, expected) in Foreign.read(vector.records) {
            let keys = TrafficKeys(vector.suite, secret: secret.span, sequence: sequence)
            var record = [UInt8](repeating: 0, count: expected.count)
            record.withUnsafeMutableBufferPointer {
                _ = cipher.seal(Foreign.content.span, .applicationData, vector.suite, keys, into: $0)
            }
            #expect(record == expected)
            #expect(cipher.open(expected.span, vector.suite, keys).map(Array.init) == Foreign.content + [23])
        }
    }

    @Test(arguments: Foreign.all)
    func theKeyBehindAKeyUpdateIsThatOfAnotherImplementation(vector: Foreign) {
        let cipher = RecordCipher()
        let secret = [UInt8](hex: vector.secret)
        var keys = TrafficKeys(vector.suite, secret: secret.span, sequence: 77)
        keys.update(vector.suite)
        for (number, record) in Foreign.read(vector.updated) {
            let padding = [UInt8](repeating: 0, count: Int(number) * 5)
            #expect(
                cipher.open(record.span, vector.suite, keys).map(Array.init) == Foreign.content + [23] + padding)
            keys.advance()
        }
    }
}
