import Configuration
import DaemonKit
import Testing

/// Values that no log line and no API answer may contain.
struct SettingsSecretsTests {
    @Test func everySecretOfTheSettingsIsMeant() {
        var settings = Settings()
        settings.pools = [
            Settings.Pool(host: "a", port: 1, user: "u", password: "pool-one"),
            Settings.Pool(host: "b", port: 1, user: "u", password: "pool-two"),
        ]
        settings.accessPassword = "miners-door"
        settings.api = Settings.API(host: "127.0.0.1", port: 1)
        settings.api?.accessToken = "api-token"
        #expect(Set(settings.secrets) == ["pool-one", "pool-two", "miners-door", "api-token"])
    }
}
