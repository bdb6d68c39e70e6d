/// A proof-of-work algorithm of XMRig 6.26, identified by its canonical name.
///
/// Pools, miners and configurations use many spellings of an algorithm ("randomx", "RX/0", "rx/test"). Every spelling
/// is resolved to a case when it is read (`init(named:)`), so that comparing algorithms is comparing bytes and peers
/// always receive the canonical name.
public enum Algorithm: UInt8, CaseIterable, Sendable {
    case cn0, cn1, cn2, cnR, cnFast, cnHalf, cnXao, cnRto, cnRwz, cnZls, cnDouble, cnCcx
    case cnLite0, cnLite1
    case cnHeavy0, cnHeavyTube, cnHeavyXhv
    case cnPico, cnPicoTlo
    case cnUpx2
    case rx0, rx2, rxWow, rxArq, rxGraft, rxSfx, rxYada
    case argon2Chukwa, argon2ChukwaV2, argon2Ninja
    case kawpow
    case ghostrider

    /// The canonical name, as XMRig writes it.
    public var name: StaticString {
        switch self {
        case .cn0: "cn/0"
        case .cn1: "cn/1"
        case .cn2: "cn/2"
        case .cnR: "cn/r"
        case .cnFast: "cn/fast"
        case .cnHalf: "cn/half"
        case .cnXao: "cn/xao"
        case .cnRto: "cn/rto"
        case .cnRwz: "cn/rwz"
        case .cnZls: "cn/zls"
        case .cnDouble: "cn/double"
        case .cnCcx: "cn/ccx"
        case .cnLite0: "cn-lite/0"
        case .cnLite1: "cn-lite/1"
        case .cnHeavy0: "cn-heavy/0"
        case .cnHeavyTube: "cn-heavy/tube"
        case .cnHeavyXhv: "cn-heavy/xhv"
        case .cnPico: "cn-pico"
        case .cnPicoTlo: "cn-pico/tlo"
        case .cnUpx2: "cn/upx2"
        case .rx0: "rx/0"
        case .rx2: "rx/2"
        case .rxWow: "rx/wow"
        case .rxArq: "rx/arq"
        case .rxGraft: "rx/graft"
        case .rxSfx: "rx/sfx"
        case .rxYada: "rx/yada"
        case .argon2Chukwa: "argon2/chukwa"
        case .argon2ChukwaV2: "argon2/chukwav2"
        case .argon2Ninja: "argon2/ninja"
        case .kawpow: "kawpow"
        case .ghostrider: "ghostrider"
        }
    }

    /// The offset of the nonce in the hashing blob, in bytes.
    public var nonceOffset: Int {
        switch self {
        case .kawpow: 32
        case .ghostrider: 76
        case .rxYada: 147
        default: Algorithm.usualNonceOffset
        }
    }

    /// The nonce offset of CryptoNote blobs.
    public static let usualNonceOffset = 39

    /// Whether a job needs a seed hash: RandomX builds its dataset from it.
    public var needsSeed: Bool {
        switch self {
        case .rx0, .rx2, .rxWow, .rxArq, .rxGraft, .rxSfx, .rxYada: true
        default: false
        }
    }

    /// Whether a target is a number with the most significant digit first. Other targets are little-endian bytes.
    public var hasBigEndianTarget: Bool { self == .rxYada }
}
