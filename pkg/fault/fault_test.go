package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/fault"
)

func TestAnErrorThatNobodyClassifiedIsInternal(t *testing.T) {
	t.Parallel()
	require.Equal(t, fault.Internal, fault.KindOf(errors.New("pq: secret")))
	require.Equal(t, fault.Internal, fault.KindOf(nil))
}

func TestAKindIsFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	cause := errors.New("no row")
	err := fmt.Errorf("read: %w", fault.New(fault.NotFound, "no such order").Because(cause))
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	require.ErrorIs(t, err, cause)
	require.Equal(t, "read: no such order: no row", err.Error())
}

func TestAFieldsMessageNamesTheField(t *testing.T) {
	t.Parallel()
	f := fault.Field("ref", "is required")
	require.Equal(t, fault.Invalid, f.Kind)
	require.Equal(t, "ref: is required", f.Message)
	require.Equal(t, []fault.Detail{{Field: "ref", Message: "is required"}}, f.Details)
}
