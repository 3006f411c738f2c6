package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/id"
)

// sent places an order and has it sent.
func (s *scene) sent(ref string) *Order {
	s.t.Helper()
	return s.do(s.place(pulsa(s.wallet, ref, 4_000)), Step{To: Sending})
}

func TestOperatorsListOrdersOfEveryMerchant(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	other := s.open(t, "M2", 10_000)
	a := s.place(pulsa(s.wallet, "a", 4_000))
	s.now = s.now.Add(time.Second) // ids grow with time
	b := s.do(s.sent("b"), Step{To: Unknown, Flag: "look"})
	s.now = s.now.Add(time.Second)
	c := s.place(rented(other, "c"))

	for _, tc := range []struct {
		f    OperatorFilter
		want []int64
	}{
		{OperatorFilter{}, []int64{c.ID, b.ID, a.ID}},
		{OperatorFilter{Flagged: true}, []int64{b.ID}},
		{OperatorFilter{States: []State{Queued}}, []int64{c.ID, a.ID}},
		{OperatorFilter{States: []State{Queued, Unknown}, MerchantID: "M1"}, []int64{b.ID, a.ID}},
		{OperatorFilter{MerchantID: "M2"}, []int64{c.ID}},
		{OperatorFilter{Source: "up-a", Mode: "live"}, []int64{b.ID, a.ID}},
		{OperatorFilter{Mode: "test"}, nil},
		{OperatorFilter{Before: b.ID}, []int64{a.ID}},
		{OperatorFilter{Limit: 1}, []int64{c.ID}},
	} {
		if tc.f.Limit == 0 {
			tc.f.Limit = 10
		}
		rows, err := ListAll(t.Context(), s.db.Bun, tc.f)
		require.NoError(t, err)
		var got []int64
		for _, r := range rows {
			got = append(got, r.ID)
		}
		require.Equal(t, tc.want, got, "%+v", tc.f)
		if len(rows) > 0 && rows[0].ID == c.ID {
			require.Equal(t, "M2", rows[0].MerchantID)
		}
	}
}

func TestOpenOrdersAreCountedByState(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.place(pulsa(s.wallet, "a", 1_000))
	s.place(pulsa(s.wallet, "b", 1_000))
	s.do(s.sent("c"), Step{To: Unknown, Flag: "look"})
	s.do(s.sent("d"), Step{To: Failed, Flag: "look"})
	s.place(rented(s.wallet, "e"))
	open, flagged, err := CountOpen(t.Context(), s.db.Bun, "up-a")
	require.NoError(t, err)
	require.Equal(t, map[State]int64{Queued: 2, Sending: 0, Processing: 0, Unknown: 1}, open)
	require.EqualValues(t, 2, flagged)
}

func TestParseIDReadsBothNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		PublicID(PPOB, 4711): 4711, "4711": 4711, PublicID(OTP, 1<<62): 1 << 62,
		"ppob-" + id.Text(9): 9, "0": 0, "-3": 0, "PPOB-": 0, "x": 0, "": 0, "99999999999999999999": 0,
	} {
		id, ok := ParseID(text)
		require.Equal(t, want != 0, ok, text)
		if ok {
			require.Equal(t, want, id, text)
		}
	}
}

func TestEvidenceIsEverythingThatHappened(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.do(s.sent("r"), Step{To: Queued, Outcome: "rejected", SaidCode: "E7", SaidDetail: "gangguan"})
	s.do(s.do(o, Step{To: Sending, BalanceBefore: ptr(int64(900_000))}), Step{To: Unknown, Outcome: "unknown"})

	e, err := ReadEvidence(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.Equal(t, "M1", e.MerchantID)
	require.Equal(t, Unknown, e.Order.State)
	require.Len(t, e.Attempts, 2)
	require.Equal(t, "gangguan", e.Attempts[0].SaidDetail)
	require.EqualValues(t, 900_000, *e.Attempts[1].BalanceBefore)
	require.Equal(t, OurRef(o.ID, 2), e.Attempts[1].OurRef)
	var way []State
	for _, ev := range e.Events {
		way = append(way, ev.ToState)
	}
	require.Equal(t, []State{Sending, Queued, Sending, Unknown}, way)

	_, err = ReadEvidence(t.Context(), s.db.Bun, 1)
	require.ErrorIs(t, err, ErrNotFound)
}

func TestAnOperatorSettlesWhatNobodyKnows(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, tc := range []struct {
		name    string
		order   func() *Order
		r       Resolution
		balance int64 // what it costs the wallet
		check   func(o *Order)
	}{
		{"unknown, and it was delivered", func() *Order { return s.do(s.sent("u1"), Step{To: Unknown, Flag: "look"}) },
			Resolution{As: Completed, SN: "SN-1"}, 4_000, func(o *Order) { require.Equal(t, "SN-1", o.Facts.SN) }},
		{"unknown, and it was not", func() *Order { return s.do(s.sent("u2"), Step{To: Unknown, Flag: "look"}) },
			Resolution{As: Failed}, 0, func(o *Order) { require.Equal(t, sayOperator, o.Message) }},
		{"processing for ever", func() *Order { return s.do(s.sent("p"), Step{To: Processing}) },
			Resolution{As: Failed}, 0, func(*Order) {}},
		{"queued, and nobody will take it", func() *Order { return s.place(pulsa(s.wallet, "q", 4_000)) },
			Resolution{As: Failed}, 0, func(*Order) {}},
		{"queued again, and the attempt that was given up was delivered", func() *Order { return s.do(s.sent("g"), Step{To: Queued, Outcome: "not_sent"}) },
			Resolution{As: Completed, SN: "SN-3"}, 4_000, func(o *Order) { require.Equal(t, "SN-3", o.Facts.SN) }},
		{"failed, and it was delivered after all", func() *Order { return s.do(s.sent("l"), Step{To: Failed}) },
			Resolution{As: Completed, SN: "SN-2"}, 0, func(o *Order) { require.EqualValues(t, 4_000, o.Refunded) }},
		{"the same where the price is taken again", func() *Order { return s.do(s.sent("l2"), Step{To: Failed}) },
			Resolution{As: Completed, Recharge: true}, 4_000, func(o *Order) { require.Zero(t, o.Refunded) }},
		{"a rented number, and the code is known", func() *Order {
			return s.do(s.do(s.place(rented(s.wallet, "o")), Step{To: Sending}), Step{To: Unknown})
		}, Resolution{As: Completed, SN: "4711"}, 2_000, func(o *Order) { require.Equal(t, "4711", o.Facts.Messages[0].Code) }},
	} {
		before := s.balance(t, s.wallet)
		o := tc.order()
		tc.r.Why, tc.r.Actor = "the provider's list says so", "cli:ani"
		got, err := s.w.Resolve(t.Context(), s.db.Bun, o.ID, tc.r)
		require.NoError(t, err, tc.name)
		require.Equal(t, tc.r.As, got.State, tc.name)
		require.Empty(t, got.Flag, tc.name)
		require.Nil(t, got.NextRunAt, tc.name)
		require.Equal(t, before-tc.balance, s.balance(t, s.wallet), tc.name)
		tc.check(got)

		e, err := ReadEvidence(t.Context(), s.db.Bun, o.ID)
		require.NoError(t, err)
		last := e.Events[len(e.Events)-1]
		require.Equal(t, "operator", last.Cause, tc.name)
		require.Contains(t, last.Detail, "the provider's list says so", tc.name)
		log, err := audit.List(t.Context(), s.db.Pool, got.PublicID(), 10)
		require.NoError(t, err)
		require.Len(t, log, 1, tc.name)
		require.Equal(t, "cli:ani", log[0].Actor)
		require.Equal(t, "order.resolve", log[0].Action)
	}
	s.verify(t)
}

func TestAnOperatorsWordDoesNotOverruleWhatIsSettled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	done := s.do(s.sent("done"), Step{To: Completed})
	failed := s.do(s.sent("failed"), Step{To: Failed})
	sending := s.sent("sending")
	queued := s.place(pulsa(s.wallet, "queued", 4_000))
	before := s.balance(t, s.wallet)
	for _, tc := range []struct {
		o  *Order
		as State
	}{
		{done, Failed}, {done, Completed}, {failed, Failed}, {sending, Failed}, {sending, Completed}, {queued, Completed}, {queued, Canceled},
	} {
		_, err := s.w.Resolve(t.Context(), s.db.Bun, tc.o.ID, Resolution{As: tc.as, Why: "x", Actor: "cli:ani"})
		require.ErrorIs(t, err, ErrNotResolvable, "%s as %s", tc.o.State, tc.as)
	}
	_, err := s.w.Resolve(t.Context(), s.db.Bun, 1, Resolution{As: Failed})
	require.ErrorIs(t, err, ErrNotFound)
	require.Equal(t, before, s.balance(t, s.wallet))
	var audited int
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action LIKE 'order.%'`).Scan(&audited))
	require.Zero(t, audited, "what was refused leaves no row")
	s.verify(t)
}

func TestSeenTakesTheFlagAwayAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	next := s.now.Add(time.Minute)
	r := pulsa(s.wallet, "r", 4_000)
	r.CallbackURL = "https://toko.example/hook"
	o := s.do(s.do(s.place(r), Step{To: Sending}), Step{To: Unknown, Flag: "look", NextRunAt: &next})
	seen, err := s.w.Seen(t.Context(), s.db.Bun, o.ID, "asked them", "cli:ani")
	require.NoError(t, err)
	require.Empty(t, seen.Flag)
	require.Equal(t, Unknown, seen.State)
	require.NotNil(t, seen.NextRunAt)
	_, err = s.w.Seen(t.Context(), s.db.Bun, o.ID, "again", "cli:ani")
	require.ErrorIs(t, err, ErrNotResolvable)
	_, err = s.w.Seen(t.Context(), s.db.Bun, 1, "x", "cli:ani")
	require.ErrorIs(t, err, ErrNotFound)
	log, err := audit.List(t.Context(), s.db.Pool, o.PublicID(), 10)
	require.NoError(t, err)
	require.Len(t, log, 1)
	require.Equal(t, []string{"processing"}, s.bodies(), "a merchant is not told of it")
}
