package merchant

// Hears tells whether the authenticator hears of changes by now, and remembers answers
// for as long as it does then.
func (a *Authenticator) Hears() bool {
	a.cache.mu.RLock()
	defer a.cache.mu.RUnlock()
	return a.cache.keep == keepFor
}
