import Testing

@testable import HTTPServing

/// The host names that clients may use.
@Suite struct HostPolicyTests {
    private func policy(hosts: [String]? = nil, token: String? = nil, hostName: String = "miner1.example.org")
        -> HostPolicy
    {
        HostPolicy(hosts: hosts, hostName: hostName, hasToken: token?.isEmpty == false)
    }

    @Test(arguments: [
        "127.0.0.1", "127.0.0.1:8080", "192.168.1.20:80", "255.255.255.255", "[::1]", "[::1]:8080", "[2001:db8::7]:80",
        "localhost", "LocalHost:8080", "localhost.", "millrace:8080", "millrace", "x", "db-3_a:1", "rig.local",
        "proxy.mining.svc.cluster.local:8080", "millrace.internal", "nas.home.arpa", "router.lan:80", "a.localhost",
        "miner1.example.org", "MINER1.example.org:8080", "miner1.example.org.", "",
    ])
    func addressesAndNamesThatNoStrangerCanOwnAreAllowed(host: String) {
        #expect(policy().allows(host))
    }

    @Test(arguments: [
        "evil.example", "evil.example:8080", "rebind.network", "1.2.3.4.evil.example", "127.0.0.1.nip.io", "a.b",
        "localhost.evil.example", "evillocal.example", "miner1.example.org.evil.example", "example.org", "1.2.3",
        "1.2.3.256", "1.2.3.4.5", "1.2.3.0x4", "xlocal.com", "evil.example.", "local.evil.com:80", "1.2.3.4 .com",
    ])
    func everyOtherNameIsRefused(host: String) {
        #expect(!policy().allows(host))
        #expect(policy(token: "t").allows(host))
        #expect(policy(hosts: ["*"]).allows(host))
        #expect(!policy(token: "").allows(host))
    }

    @Test func configuredNamesAreAllowedAndNoPartsOfThem() {
        let policy = policy(hosts: ["Proxy.Example.ORG", "pool.example.net."])
        for host in ["proxy.example.org", "PROXY.example.org:443", "pool.example.net:1", "pool.example.net."] {
            #expect(policy.allows(host), "\(host)")
        }
        for host in ["a.proxy.example.org", "example.org", "proxy.example.org.uk"] {
            #expect(!policy.allows(host), "\(host)")
        }
    }

    @Test func clientsWithoutTheHeaderAreNoBrowsers() {
        #expect(policy().allows(nil))
    }
}
