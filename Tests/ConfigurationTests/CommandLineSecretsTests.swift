import Testing

@testable import Configuration

/// Which parts of a command line other users of the machine must not see.
@Suite struct CommandLineSecretsTests {
    private func hidden(_ line: [String]) -> [String] {
        var words = line
        for (index, bytes) in CommandLineReading.secrets(in: line) {
            words[index] = String(line[index].dropLast(bytes)) + "***"
        }
        return words
    }

    @Test(arguments: [
        (["-p", "hunter2"], ["-p", "***"]), (["-phunter2"], ["-p***"]), (["-p=hunter2"], ["-p=***"]),
        (["--pass", "hunter2"], ["--pass", "***"]), (["--pass=hunter2"], ["--pass=***"]),
        (["-kp", "hunter2"], ["-kp", "***"]), (["--userpass", "wallet:hunter2"], ["--userpass", "***"]),
        (["-O", "wallet:hunter2"], ["-O", "***"]), (["--access-password=a=b"], ["--access-password=***"]),
        (["--http-access-token", "t0ken"], ["--http-access-token", "***"]),
        (["--api-access-token=t0ken"], ["--api-access-token=***"]),
        (["--http-access-t", "t0ken"], ["--http-access-t", "***"]),
        (
            ["run", "-o", "a:1", "-u", "w", "-p", "one", "-o", "b:1", "-p", "two"],
            ["run", "-o", "a:1", "-u", "w", "-p", "***", "-o", "b:1", "-p", "***"]
        ),
        (["-o", "stratum+tcp://wallet:hunter2@pool.example:3333"], ["-o", "***"]),
    ])
    func secretsEndTheirWords(_ line: [String], _ expected: [String]) {
        #expect(hidden(line) == expected)
    }

    @Test(arguments: [
        ["-o", "pool.example:3333", "-u", "wallet", "--shards", "2"], ["status", "--run-dir", "/run/millrace"], [],
        ["-p"], ["--pass="],
    ])
    func everythingElseStays(line: [String]) { #expect(hidden(line) == line) }
}
