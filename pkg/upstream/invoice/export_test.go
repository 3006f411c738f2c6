package invoice

// Here is the gateway's address.
func (d *Driver) Here() string { return d.cfg.Base() }
