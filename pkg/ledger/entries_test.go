package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
)

func TestTheEntriesOfASubjectNameTheirAccounts(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	w := b.open(t, "M1", 10_000)
	wallet := ledger.WalletAccount(w)
	require.NoError(t, b.post(t.Context(), noon, []int64{w},
		ledger.Entry{Subject: "order", SubjectID: 7, Kind: ledger.KindOrder, Debit: wallet, Credit: b.inFlight, Amount: 4_000, Notes: "x"},
		ledger.Entry{Subject: "order", SubjectID: 7, Kind: ledger.KindSettle, Debit: b.inFlight, Credit: b.revenue, Amount: 4_000, Notes: "x"},
		ledger.Entry{Subject: "order", SubjectID: 8, Kind: ledger.KindOrder, Debit: wallet, Credit: b.inFlight, Amount: 1_000, Notes: "y"},
	))
	got, err := ledger.Of(t.Context(), b.Pool, "order", 7)
	require.NoError(t, err)
	require.Len(t, got, 2)
	left := int64(6_000)
	require.Equal(t, ledger.Posted{
		ID: got[0].ID, Kind: "order", Debit: "wallet:M1", Credit: "in_flight", Amount: 4_000, Balance: &left, Notes: "x", CreatedAt: noon,
	}, got[0])
	require.Equal(t, "revenue", got[1].Credit)
	require.Nil(t, got[1].Balance)
	none, err := ledger.Of(t.Context(), b.Pool, "deposit", 7)
	require.NoError(t, err)
	require.Empty(t, none)
}
