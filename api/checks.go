package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/queue"
)

const (
	// checkPatience bounds the wait for a look-up, and checkShare that for one source while
	// another may follow.
	checkPatience = 15 * time.Second
	checkShare    = 8 * time.Second
	// checkTries bounds how many sources are asked.
	checkTries = 3
	maxLookUp  = 64
)

// Checkers are the upstreams that look accounts up, by mode, in the order in which they
// are asked.
type Checkers struct{ Live, Test []string }

func (c Checkers) of(mode merchant.Mode) []string {
	if mode == merchant.Test {
		return c.Test
	}
	return c.Live
}

type checkBank struct {
	BankCode string `json:"bank_code" doc:"What to name in a check." example:"dana"`
	BankName string `json:"bank_name" example:"DANA"`
	Type     string `json:"type" enum:"bank,ewallet" example:"ewallet"`
}

type checkBanksData struct {
	Count int         `json:"count" example:"1"`
	Banks []checkBank `json:"banks" nullable:"false"`
}

type checkGame struct {
	AccountCode string `json:"account_code" doc:"What to name in a check." example:"mobilelegend"`
	AccountName string `json:"account_name" example:"Mobile Legends"`
	Type        string `json:"type" enum:"game,meter" example:"game"`
}

type checkGamesData struct {
	Count int         `json:"count" example:"1"`
	Games []checkGame `json:"games" nullable:"false"`
}

type checkBankInput struct {
	BankCode      string `query:"bank_code" doc:"Of GET /check/banks. Required." example:"dana"`
	AccountNumber string `query:"account_number" doc:"Required." example:"081234567890"`
}

type checkGameInput struct {
	AccountCode   string `query:"account_code" doc:"Of GET /check/games. Required." example:"mobilelegend"`
	AccountNumber string `query:"account_number" doc:"Required." example:"12345678"`
}

type checkedData struct {
	Status        string  `json:"status" enum:"valid,invalid" doc:"Whether it is somebody's." example:"valid"`
	AccountNumber string  `json:"account_number" example:"081234567890"`
	AccountName   *string `json:"account_name" doc:"Whose it is; null when it is nobody's." example:"ANTO"`
}

const tagChecks = "Checks"

func (s *server) checkRoutes() {
	lookup := []fault.Kind{fault.Invalid, fault.NotFound}
	found := checkedData{Status: "valid", AccountNumber: "081234567890", AccountName: ptr("ANTO")}
	get := func(id, path, summary, text string, refusals []fault.Kind, gives any) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: tagChecks, Summary: summary, Text: text, Refusals: refusals, Gives: gives}
	}
	const fresh = " What was found is taken for true for some minutes."
	rest.Register(s.rest, get("check-banks", "/check/banks", "List banks and e-wallets", "Whose accounts can be looked up.", nil,
		checkBanksData{Count: 1, Banks: []checkBank{{"dana", "DANA", "ewallet"}}}), s.checkBanks)
	rest.Register(s.rest, get("check-games", "/check/games", "List games and meters", "Whose accounts can be looked up.", nil,
		checkGamesData{Count: 1, Games: []checkGame{{"mobilelegend", "Mobile Legends", "game"}}}), s.checkGames)
	rest.Register(s.rest, get("check-bank", "/check/bank", "Look up an account at a bank", "Whose account it is."+fresh, lookup, found),
		func(ctx context.Context, in *checkBankInput) (*checkedData, error) {
			return s.check(ctx, check.Bank, "bank_code", in.BankCode, in.AccountNumber)
		})
	rest.Register(s.rest, get("check-game", "/check/game", "Look up a game account", "Whose account it is; of a meter, whose connection."+fresh, lookup, found),
		func(ctx context.Context, in *checkGameInput) (*checkedData, error) {
			return s.check(ctx, check.Game, "account_code", in.AccountCode, in.AccountNumber)
		})
}

func (s *server) checkBanks(ctx context.Context, _ *noInput) (*checkBanksData, error) {
	list, upstreams, err := s.checkLists(ctx, check.Bank)
	if err != nil {
		return nil, err
	}
	out := &checkBanksData{Banks: []checkBank{}}
	for _, t := range list.Targets(upstreams) {
		out.Banks = append(out.Banks, checkBank{t.Code, t.Name, t.Type})
	}
	out.Count = len(out.Banks)
	return out, nil
}

func (s *server) checkGames(ctx context.Context, _ *noInput) (*checkGamesData, error) {
	list, upstreams, err := s.checkLists(ctx, check.Game)
	if err != nil {
		return nil, err
	}
	out := &checkGamesData{Games: []checkGame{}}
	for _, t := range list.Targets(upstreams) {
		out.Games = append(out.Games, checkGame{t.Code, t.Name, t.Type})
	}
	out.Count = len(out.Games)
	return out, nil
}

// checkLists gives what can be looked up: as last told, and asked for anew when that is
// old. What is old is better than nothing when nobody answers.
func (s *server) checkLists(ctx context.Context, kind string) (list *check.Lists, upstreams []string, err error) {
	upstreams = s.deps.Checkers.of(caller(ctx).Mode)
	list, err = s.deps.Checks.Lists(ctx, kind, upstreams)
	if err != nil {
		return nil, nil, err
	}
	old := list.Old(upstreams, s.deps.Now())
	if len(old) == 0 {
		return list, upstreams, nil
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, u := range old {
		all.Go(func() {
			if verdict, err := s.deps.Queue.AskTargets(asked, u, kind); err != nil || verdict != check.VerdictDone {
				s.deps.Log.WarnContext(ctx, "a list of accounts was not told", "upstream", u, "kind", kind, "verdict", verdict, "error", err)
			}
		})
	}
	all.Wait()
	if list, err = s.deps.Checks.Lists(ctx, kind, upstreams); err != nil {
		return nil, nil, err
	}
	if !list.Known() {
		return nil, nil, fault.Disturbed("no answer in time, try again later")
	}
	return list, upstreams, nil
}

// check looks an account up through one source after the other until one knows.
func (s *server) check(ctx context.Context, kind, field, code, number string) (*checkedData, error) {
	code, number = strings.ToLower(strings.TrimSpace(code)), strings.TrimSpace(number)
	f := &fields{}
	for _, p := range []struct{ name, value string }{{field, code}, {"account_number", number}} {
		switch {
		case p.value == "":
			f.wrong(p.name, "is required")
		case utf8.RuneCountInString(p.value) > maxLookUp, !utf8.ValidString(p.value), hasControl(p.value):
			f.wrong(p.name, "must be at most 64 characters on one line")
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	list, upstreams, err := s.checkLists(ctx, kind)
	if err != nil {
		return nil, err
	}
	ways := list.Ways(upstreams, code)
	if len(ways) == 0 {
		return nil, fault.New(fault.NotFound, "there is no such "+field)
	}
	mode := string(caller(ctx).Mode)
	a, err := s.deps.Checks.Remembered(ctx, mode, kind, number, ways)
	if err != nil {
		return nil, err
	}
	if a == nil {
		if a, err = s.lookUp(ctx, check.Question{Mode: mode, Kind: kind, Number: number}, ways); err != nil {
			return nil, err
		}
	}
	out := &checkedData{Status: "invalid", AccountNumber: a.Number}
	if a.Valid {
		out.Status, out.AccountName = "valid", pointer(a.Name)
	}
	return out, nil
}

func (s *server) lookUp(ctx context.Context, q check.Question, ways []check.Way) (*check.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	ways = ways[:min(len(ways), checkTries)]
	for i, way := range ways {
		at, _ := ctx.Deadline()
		wait := time.Until(at)
		if i+1 < len(ways) {
			wait = min(wait, checkShare)
		}
		if wait <= 0 {
			break
		}
		q.Upstream, q.Code, q.WaitUntil = way.Upstream, way.Code, s.deps.Now().Add(wait)
		a, err := s.askCheck(ctx, q, wait)
		if err != nil || a != nil {
			return a, err
		}
	}
	return nil, fault.Disturbed("the account could not be looked up, try again later")
}

// askCheck puts one question to one source; nil when that gave no answer.
func (s *server) askCheck(ctx context.Context, q check.Question, wait time.Duration) (*check.Answer, error) {
	row, err := s.deps.Checks.Begin(ctx, q)
	if err != nil {
		return nil, err
	}
	asked, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	verdict, err := s.deps.Queue.AskCheck(asked, q.Upstream, row.ID)
	if err != nil || verdict != check.VerdictDone {
		if errors.Is(err, queue.ErrNoAnswer) || err == nil || ctx.Err() == nil {
			s.deps.Log.WarnContext(ctx, "an account was not looked up", "upstream", q.Upstream, "verdict", verdict, "error", err)
			return nil, nil //nolint:nilnil // another source may know
		}
		return nil, err
	}
	return s.deps.Checks.Answer(ctx, row.ID)
}
