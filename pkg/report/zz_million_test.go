package report_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/report"
)

func TestMillion(t *testing.T) {
	if os.Getenv("U") == "" {
		t.Skip()
	}
	db, err := pg.Open(context.Background(), os.Getenv("U"))
	require.NoError(t, err)
	now := time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
	r, err := report.Days("2026-11-01", "2026-12-02", jakarta, now)
	require.NoError(t, err)
	run := func(name string) {
		for _, by := range [][]report.Dimension{nil, {report.Day}, {report.SKU}, {report.Day, report.Merchant, report.SKU}} {
			at := time.Now()
			q := report.Query{Range: r, Mode: "live", By: by}
			out, err := report.ReadOrders(context.Background(), db.Pool, &q, 1000)
			require.NoError(t, err)
			fmt.Println(name, by, out.Total.Placed, out.Total.Margin, out.Count, time.Since(at))
		}
		at := time.Now()
		q := report.Query{Range: r, Mode: "live", By: report.Dimensions()}
		require.NoError(t, report.OrdersCSV(context.Background(), db.Pool, &q, io.Discard))
		fmt.Println(name, "csv all dims", time.Since(at))
		at = time.Now()
		_, _, err := report.BelowCost(context.Background(), db.Pool, r, "live", 0, 100)
		require.NoError(t, err)
		fmt.Println(name, "below", time.Since(at))
		at = time.Now()
		_, err = report.ReadFlows(context.Background(), db.Pool, r, "live")
		require.NoError(t, err)
		fmt.Println(name, "flows", time.Since(at))
	}
	run("live")
	at := time.Now()
	n, err := report.Close(context.Background(), db.Pool, jakarta, now)
	require.NoError(t, err)
	fmt.Println("closed", n, "hours in", time.Since(at))
	_, err = db.Pool.Exec(context.Background(), `VACUUM ANALYZE report_orders`)
	require.NoError(t, err)
	run("closed")
	var rows int
	require.NoError(t, db.Pool.QueryRow(context.Background(), `SELECT count(*) FROM report_orders`).Scan(&rows))
	fmt.Println("rows", rows)
	_, err = db.Pool.Exec(context.Background(), `UPDATE report_closed SET through = through - interval '25 hours'`)
	require.NoError(t, err)
	at = time.Now()
	_, err = report.Close(context.Background(), db.Pool, jakarta, now.Add(-23*time.Hour))
	require.NoError(t, err)
	fmt.Println("one more piece", time.Since(at))
}
