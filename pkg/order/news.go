package order

import "time"

// news takes the step's facts into the order and tells whether a merchant waits
// for one of them: the phone number, a code, a serial number that comes late.
func (c *change) news(now time.Time) bool {
	o, s := c.o, c.step
	if s.Flag == "-" {
		o.Flag = ""
	} else if s.Flag != "" {
		o.Flag = s.Flag
	}
	if s.Polled {
		o.Polls++
	}
	if s.UpstreamRef != "" {
		o.UpstreamRef = s.UpstreamRef
	}
	if s.Cost != nil && (!o.State.Final() || o.State == Failed) { // what is booked stays booked
		o.Cost = *s.Cost
	}
	if s.ExpiresAt != nil {
		o.ExpiresAt = s.ExpiresAt
	}
	c.wish(now)
	f := &o.Facts
	told := set(&f.SN, s.SN)
	told = set(&f.Phone, s.Phone) || told
	set(&f.Country, s.Country)
	set(&f.Service, s.Service)
	set(&f.Operator, s.Operator)
	if s.StartCount != nil {
		f.StartCount = s.StartCount
	}
	if s.Remains != nil {
		o.remaining(*s.Remains)
	}
	set(&f.Note, s.Told)
	set(&f.Alert, s.Alert)
	told = c.refill(now) || told
	for _, m := range s.Messages {
		if !f.has(m) {
			f.Messages = append(f.Messages, m)
			told = true
			o.ResendRequested = false
		}
	}
	return told
}

func (c *change) wish(now time.Time) {
	o, s := c.o, c.step
	if s.Telling != 0 {
		o.Facts.Telling = nil
	}
	switch s.Wish {
	case WishCancel:
		o.CancelRequested = true
	case WishFinish:
		o.FinishRequested = true
	case WishResend:
		// The answer to an earlier one is none to this.
		o.ResendRequested, o.Facts.WishSent, o.Facts.WishLost, o.Facts.Telling = true, false, false, nil
	case WishSent:
		o.Facts.WishSent, o.Facts.ToldAt = true, &now
	case WishRefused:
		o.ResendRequested = false
	case WishFinished:
		o.Facts.FinishTold, o.Facts.ToldAt = true, &now
	case WishTold:
		o.Facts.ToldAt = &now
	case WishHeard:
		o.Facts.CancelTold, o.Facts.ToldAt = true, &now
	case WishLost:
		o.Facts.WishLost = true
	case WishTelling:
		// Who claimed it before has not come back, and may have told it.
		o.Facts.WishLost = o.Facts.WishLost || o.Facts.Telling != nil
		o.Facts.Telling = &Telling{Version: o.Version, Until: s.Until.UTC()}
	case WishRefill: // see refill
	}
}

// has tells whether a message is known: a code that is asked for again and again
// is one message, unless its text or its known time differ.
func (f *Facts) has(m Message) bool {
	for _, k := range f.Messages {
		if k.Code == m.Code && k.Text == m.Text {
			return true
		}
	}
	return false
}

// set keeps a fact that is new and tells whether it was.
func set(field *string, said string) bool {
	if said == "" || *field == said {
		return false
	}
	*field = said
	return true
}
