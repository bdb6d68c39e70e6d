/// The name among `known` that `name` was probably meant to be; nil when none is similar.
///
/// "retry_pause" and "Retry-Pause" match directly. Otherwise up to a third of the letters can be wrong, missing or
/// swapped, or one name can be a prefix of the other ("password" for "pass").
func nearestName(to name: String, among known: some Sequence<String>) -> String? {
    // The longest known name, of an algorithm, has 22 bytes: a much longer one is not a typing error, and the time of a
    // comparison grows with the length.
    guard name.utf8.count <= 40 else { return nil }
    let folded = fold(name)
    return known.map { (name: $0, folded: fold($0), distance: editDistance(folded, fold($0))) }
        .filter { $0.distance <= max(1, $0.name.utf8.count / 3) || isLongForm($0.folded, folded) }
        .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?
        .name
}

/// The option of which `name` is probably a misspelling; nil when there is none. Stricter than for keys: a name that
/// differs much from all options belongs to another program (`--threads`, `--max-cpu-usage`) and is ignored.
func nearestOptionName(to name: String, among known: some Sequence<String>) -> String? {
    guard name.utf8.count <= 40 else { return nil }
    let folded = fold(name)
    return known.map { (name: $0, distance: editDistance(folded, fold($0))) }
        .filter { $0.distance <= max(1, min(3, $0.name.utf8.count / 3)) }
        .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?
        .name
}

/// Whether one is a prefix of the other, with at least four letters: shorter ones match by chance.
private func isLongForm(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    min(left.count, right.count) >= 4 && (left.starts(with: right) || right.starts(with: left))
}

private func fold(_ name: String) -> [UInt8] {
    name.lowercased().utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }
}

/// The number of letters to insert, remove, change or swap with their neighbour.
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var twoAbove: [Int] = []
    var above = Array(0...right.count)
    for (row, letter) in left.enumerated() {
        var current = [row + 1]
        for (column, other) in right.enumerated() {
            var distance = min(above[column + 1], current[column]) + 1
            distance = min(distance, above[column] + (letter == other ? 0 : 1))
            if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                distance = min(distance, twoAbove[column - 1] + 1)
            }
            current.append(distance)
        }
        twoAbove = above
        above = current
    }
    return above[right.count]
}
