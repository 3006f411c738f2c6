package testredis_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/testredis"
)

func TestNewAndURLAreOneServerPerTest(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client := testredis.New(t)
	require.NoError(t, client.Set(ctx, "k", "v", 0).Err())

	opts, err := redis.ParseURL(testredis.URL(t))
	require.NoError(t, err)
	same := redis.NewClient(opts)
	t.Cleanup(func() { _ = same.Close() })
	require.Equal(t, "v", same.Get(ctx, "k").Val())

	t.Run("another test", func(t *testing.T) {
		require.ErrorIs(t, testredis.New(t).Get(t.Context(), "k").Err(), redis.Nil)
	})
}

func TestServerForgetsWhenFlushedOrRestarted(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, lose := range map[string]func(*testredis.Server){
		"flush":   (*testredis.Server).Flush,
		"restart": (*testredis.Server).Restart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testredis.StartServer(t)
			client := server.Client(t)
			require.NoError(t, client.Set(ctx, "k", "v", 0).Err())
			lose(server)
			require.ErrorIs(t, client.Get(ctx, "k").Err(), redis.Nil)
		})
	}
}

func TestServerIsAwayWhileStopped(t *testing.T) {
	t.Parallel()
	server := testredis.StartServer(t)
	client := server.Client(t)
	require.NoError(t, client.Ping(t.Context()).Err())
	server.Stop()
	require.Error(t, client.Ping(t.Context()).Err())
	server.Start()
	require.NoError(t, client.Ping(t.Context()).Err())
}
