internal import COpenSSL

/// The oldest error in OpenSSL's queue of this thread, which is nearest to the cause. Each use of OpenSSL ends with an
/// empty queue.
struct OpenSSLError {
    let library: Int32
    let reason: Int32
    private let code: UInt

    /// Removes all errors from the queue. Nil when there is none.
    static func take() -> OpenSSLError? {
        let code = ERR_get_error()
        ERR_clear_error()
        return code == 0 ? nil : OpenSSLError(code)
    }

    /// The words for the errors in the queue, which is empty afterwards.
    static func takeText() -> String { take()?.text ?? "no reason given" }

    private init(_ code: UInt) {
        self.code = code
        library = cossl_error_library(code)
        reason = cossl_error_reason(code)
    }

    /// The number of the alert that the peer has sent.
    var alert: Int32? {
        library == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : nil
    }

    var text: String {
        if let alert {
            return "peer sent alert \(alert) (\(String(cString: SSL_alert_desc_string_long(alert))))"
        }
        if let words = ERR_reason_error_string(code) { return String(cString: words) }
        return "OpenSSL error \(String(code, radix: 16))"
    }
}
