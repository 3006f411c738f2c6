package callback

// Redact is redact, for its fuzz target.
func Redact(contentType string, body []byte) ([]byte, bool) { return redact(contentType, body) }
