import COpenSSL

/// What only tests need of OpenSSL.
func setGroups(_ list: String, of context: OpaquePointer) {
    _ = list.withCString { SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, UnsafeMutableRawPointer(mutating: $0)) }
}

func trust(_ certificateFile: String, in context: OpaquePointer) {
    SSL_CTX_load_verify_file(context, certificateFile)
}
