// Which known key an unknown key was probably meant to be, and the consequence of the missing key.
extension KnownKey {
    /// Keys that protect something, and the consequence when they are missing: a misspelt one removes the protection.
    static let consequences: [String: String] = [
        "access-password": "no password is in force: any miner that reaches the port can log in.",
        "http.access-token": "no token is in force: any client that reaches the port can read the API.",
        "api.access-token": "no token is in force: any client that reaches the port can read the API.",
        "bind": "the default is in force: miners are accepted on port 3333 of all addresses.",
        "bind[].tls": "miners connect without encryption.",
        "pools[].user": "the default login is used, and shares are not credited to your wallet.",
        "pools[].enabled": "this pool is used.",
        "pools[].tls": "the connection to the pool is not encrypted.",
        "pools[].tls-fingerprint": "the certificate of the pool is not compared with a fingerprint.",
        "pools[].tls-verify": "the certificate of the pool is not checked.",
    ]

    /// Paths of the keys that `name` in the object at `parent` was probably meant to be. First choice: keys of that
    /// name in other objects. Then the nearest key of this object. Then keys that protect something: in this object
    /// those of which `name` contains a part, or the nearest in another object.
    static func meant(by name: String, in parent: String) -> [String] {
        let elsewhere = all.map(\.path).filter { $0.hasSuffix("." + name) }
        if !elsewhere.isEmpty { return elsewhere }
        let prefix = parent.isEmpty ? "" : parent + "."
        if let near = nearestName(to: name, among: table(of: parent).keys) { return [prefix + near] }
        let protecting = all.map(\.path).filter { consequences[$0] != nil }
        let here = protecting.filter { isHere($0, parent) && isPart(name, of: lastName(of: $0)) }
        if !here.isEmpty { return here }
        guard let near = nearestName(to: name, among: Set(protecting.map(lastName))), near.count >= 8 else { return [] }
        return protecting.filter { lastName(of: $0) == near }
    }

    /// The consequence when the key at `path` is missing; nil when it may be present in another object of a list.
    static func consequence(of path: String, in parent: String) -> String? {
        path.contains("[]") && !isHere(path, parent) ? nil : consequences[path]
    }

    /// Whether a member of the object at `parent` is the key at `path`.
    static func isName(_ member: String, of path: String, in parent: String) -> Bool {
        path == (parent.isEmpty ? member : parent + "." + member)
    }

    /// The path as written inside the object at `parent`.
    static func shortPath(_ path: String, in parent: String) -> String {
        isHere(path, parent) ? lastName(of: path) : path
    }

    private static func isHere(_ path: String, _ parent: String) -> Bool {
        isName(lastName(of: path), of: path, in: parent)
    }

    private static func lastName(of path: String) -> String { String(path.split(separator: ".").last ?? "") }

    /// Matches "password" and "proxy_password" with "access-password".
    private static func isPart(_ name: String, of key: String) -> Bool {
        guard let last = key.split(separator: "-").last, key.contains("-"), last.utf8.count >= 5 else { return false }
        return name.lowercased().hasSuffix(last)
    }
}
