package token_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/testdb"
	"github.com/muarahq/muara/pkg/token"
)

// stage is a store with a clock that a test moves.
type stage struct {
	*token.Store
	now time.Time
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	s.Store = &token.Store{Pool: testdb.New(t).Pool, KeyPrefix: "mra", Now: func() time.Time { return s.now }}
	return s
}

func TestRolesAreInAnOrder(t *testing.T) {
	t.Parallel()
	require.True(t, token.Finance.May(token.Viewer))
	require.True(t, token.Finance.May(token.Operator))
	require.True(t, token.Operator.May(token.Operator))
	require.False(t, token.Operator.May(token.Finance))
	require.False(t, token.Viewer.May(token.Operator))
	require.False(t, token.Role("").May(token.Viewer), "what is no role may nothing")
	require.False(t, token.Finance.May(""), "a route without a role is nobody's")
}

func TestATokenIsKnownByItsSecretOnly(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	made, err := s.Create(t.Context(), token.New{Name: "desk", Role: token.Operator, Actor: "cli:root"})
	require.NoError(t, err)
	require.Regexp(t, `^mra_admin_[a-z2-7]{26}$`, made.Secret)
	got, err := s.Authenticate(t.Context(), made.Secret)
	require.NoError(t, err)
	require.Equal(t, "token:desk", got.Actor())
	require.Equal(t, token.Operator, got.Role)
	for _, wrong := range []string{"", "mra_admin_", made.Secret[:len(made.Secret)-1], made.Secret[:len(made.Secret)-1] + "!", made.Hint, "mra_live_abcdefghijkmnpqrstuvwxyz23456789"} {
		_, err := s.Authenticate(t.Context(), wrong)
		require.ErrorIs(t, err, token.ErrUnknown, wrong)
	}
	var row string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT row_to_json(t)::text FROM admin_tokens t`).Scan(&row))
	require.NotContains(t, row, made.Secret, "the secret is kept nowhere")
}

func TestATokenEndsByTimeAndByHand(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	short, err := s.Create(t.Context(), token.New{Name: "short", Role: token.Viewer, Expires: time.Hour, Actor: "cli:root"})
	require.NoError(t, err)
	long, err := s.Create(t.Context(), token.New{Name: "long", Role: token.Viewer, Actor: "cli:root"})
	require.NoError(t, err)
	s.now = s.now.Add(time.Hour - time.Microsecond)
	_, err = s.Authenticate(t.Context(), short.Secret)
	require.NoError(t, err)
	s.now = s.now.Add(time.Microsecond)
	_, err = s.Authenticate(t.Context(), short.Secret)
	require.ErrorIs(t, err, token.ErrExpired)
	_, err = s.Authenticate(t.Context(), long.Secret)
	require.NoError(t, err)

	revoked, err := s.Revoke(t.Context(), long.ID, "token:boss")
	require.NoError(t, err)
	require.NotNil(t, revoked.RevokedAt)
	_, err = s.Authenticate(t.Context(), long.Secret)
	require.ErrorIs(t, err, token.ErrRevoked)
	_, err = s.Revoke(t.Context(), long.ID, "token:boss")
	require.ErrorIs(t, err, token.ErrRevoked)
	_, err = s.Revoke(t.Context(), 999, "token:boss")
	require.ErrorIs(t, err, token.ErrUnknown)

	log, err := audit.List(t.Context(), s.Pool, "long", 10)
	require.NoError(t, err)
	require.Len(t, log, 2, "made and revoked, once each")
	require.Equal(t, "token.revoke", log[0].Action)
	require.Equal(t, "token:boss", log[0].Actor)
}

func TestANameIsGivenOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first, err := s.Create(t.Context(), token.New{Name: "desk", Role: token.Viewer, Actor: "a"})
	require.NoError(t, err)
	_, err = s.Revoke(t.Context(), first.ID, "a")
	require.NoError(t, err)
	_, err = s.Create(t.Context(), token.New{Name: "desk", Role: token.Finance, Actor: "a"})
	require.ErrorIs(t, err, token.ErrTaken, "the audit log would not know which of them it was")
	for _, n := range []token.New{
		{Name: "", Role: token.Viewer}, {Name: "Desk", Role: token.Viewer}, {Name: "a:b", Role: token.Viewer}, {Name: "x", Role: "root"},
		{Name: "x", Role: token.Viewer, Expires: -1},
	} {
		_, err := s.Create(t.Context(), n)
		require.ErrorIs(t, err, token.ErrInvalid, n.Name)
	}
	list, err := s.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func TestUseIsWrittenDownOnceAMinute(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	made, err := s.Create(t.Context(), token.New{Name: "desk", Role: token.Viewer, Actor: "a"})
	require.NoError(t, err)
	used := func() *time.Time {
		_, err := s.Authenticate(t.Context(), made.Secret)
		require.NoError(t, err)
		list, err := s.List(t.Context())
		require.NoError(t, err)
		return list[0].LastUsedAt
	}
	first := s.now
	require.Equal(t, first, *used())
	s.now = s.now.Add(59 * time.Second)
	require.Equal(t, first, *used())
	s.now = s.now.Add(time.Second)
	require.Equal(t, s.now, *used())
}
