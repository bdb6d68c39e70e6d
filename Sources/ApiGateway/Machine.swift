internal import ApiDocuments
internal import Glibc

/// Reads the state of the machine from Linux. A value that cannot be read is 0 or empty: in a restricted container the
/// rest of the document is still shown.
enum Machine {
    /// The current readings.
    /// - Parameter supervisor: its process and its descendants are the service.
    static func read(supervisor: pid_t) -> MachineReadings {
        var readings = MachineReadings()
        let memory = text(of: "/proc/meminfo")
        readings.memoryFree = kibibytes("MemAvailable", in: memory)
        readings.memoryTotal = kibibytes("MemTotal", in: memory)
        readings.serviceResident = processes(ofService: supervisor).reduce(0) {
            $0 + memoryBytes(of: $1)
        }
        var load = [0.0, 0.0, 0.0]
        if getloadavg(&load, 3) == 3 {
            // The kernel gives two decimals. Rounding to nearest restores them from binary fractions.
            readings.loadAverage = load.map { Hundredths(UInt64(max(0, $0) * 100 + 0.5)) }
        }
        readings.processors = UInt32(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        return readings
    }

    /// The host name; "millrace" if the kernel does not tell it.
    static var hostName: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "millrace" }
        return withUnsafeBytes(of: name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// A text that does not change with restarts of the service and of the machine, and differs between machines.
    ///
    /// The first that exists of: the hardware address of a physical network card (as in xmrig-proxy: it differs between
    /// clones of a disk image), the machine id, the address of any interface (for containers), the host name.
    static var fingerprint: String {
        let interfaces = names(in: "/sys/class/net").filter { $0 != "lo" }.sorted()
        func hardwareAddress(_ interface: String) -> String? {
            let address = firstLine(of: "/sys/class/net/\(interface)/address")
            return address.isEmpty || address == "00:00:00:00:00:00" ? nil : address
        }
        let cards = interfaces.filter { access("/sys/class/net/\($0)/device", F_OK) == 0 }
        if let address = cards.lazy.compactMap(hardwareAddress).first { return address }
        let machineID = firstLine(of: "/etc/machine-id")
        if machineID.count == 32 { return machineID }
        return interfaces.lazy.compactMap(hardwareAddress).first ?? hostName
    }

    /// The supervisor, its descendants, and this process. Without the kernel's list of children: only the last.
    static func processes(ofService supervisor: pid_t) -> Set<pid_t> {
        var processes: Set<pid_t> = []
        var unvisited = [supervisor]
        while let process = unvisited.popLast(), processes.count < processesMax {
            guard processes.insert(process).inserted else { continue }
            unvisited += names(in: "/proc/\(process)/task").flatMap {
                text(of: "/proc/\(process)/task/\($0)/children").split(separator: " ").compactMap { pid_t($0) }
            }
        }
        return processes.union([getpid()])
    }

    /// More processes than the largest service has: 256 shards with an anchor each. A supervisor that another program
    /// started may have other children.
    private static let processesMax = 1_024

    /// Bytes of memory of a process: its proportional set size, whose sum counts each page once. If the kernel does not
    /// tell it (before 4.14, or to this user): its resident set size.
    static func memoryBytes(of process: pid_t) -> UInt64 {
        let proportional = kibibytes("Pss", in: text(of: "/proc/\(process)/smaps_rollup"))
        if proportional > 0 { return proportional }
        let fields = text(of: "/proc/\(process)/statm").split(separator: " ")
        let pages = fields.count > 1 ? UInt64(fields[1]) ?? 0 : 0
        return pages * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
    }

    private static func kibibytes(_ key: String, in memory: String) -> UInt64 {
        for line in memory.split(separator: "\n") where line.hasPrefix("\(key):") {
            return (line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0) * 1024
        }
        return 0
    }

    private static func firstLine(of path: String) -> String {
        text(of: path).split(separator: "\n", maxSplits: 1).first.map(String.init) ?? ""
    }

    /// The contents of a file of the kernel, which are complete in one read. 16 KiB holds the longest of these.
    private static func text(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
            count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
