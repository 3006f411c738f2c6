package budget

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/prelude.lua
var preludeLua string

//go:embed lua/turn.lua
var turnLua string

//go:embed lua/end.lua
var endLua string

//go:embed lua/pause.lua
var pauseLua string

//go:embed lua/state.lua
var stateLua string

// scripts are each one atomic call on Redis's own clock. A server that has forgotten a script is sent it again.
type scripts struct{ turn, end, pause, state *redis.Script }

func newScripts() scripts {
	return scripts{
		turn:  redis.NewScript(preludeLua + turnLua),
		end:   redis.NewScript(preludeLua + endLua),
		pause: redis.NewScript(preludeLua + pauseLua),
		state: redis.NewScript(stateLua),
	}
}

// keys of one budget carry a hash tag: they must always live on one server.
func keysOf(name string) []string {
	at := "muara:budget:{" + name + "}:"
	return []string{at + "uses", at + "state", at + "rules", at + "waiters"}
}

// head is what every script but state is told first.
func (b *Budget) head(more ...any) []any {
	return append([]any{
		b.limit.Requests, b.limit.Per.Microseconds(), b.hold.Microseconds(), b.recovery.Microseconds(), b.pace.rule.Microseconds(),
	}, more...)
}

// answer is what a turn brings.
type answer struct {
	now    int64 // µs, Redis's clock
	epoch  string
	slots  int
	inUse  int
	closed int64         // µs, Redis's clock
	again  time.Duration // until this process should ask again; negative: it left nothing to be given
	tokens []string      // given a slot
}

func parseAnswer(reply []any) (answer, error) {
	if len(reply) < 6 {
		return answer{}, fmt.Errorf("budget: script answered %d values", len(reply))
	}
	var numbers [6]int64
	for i := range numbers {
		if i == 1 {
			continue
		}
		n, ok := reply[i].(int64)
		if !ok {
			return answer{}, fmt.Errorf("budget: script answered %T at %d", reply[i], i)
		}
		numbers[i] = n
	}
	a := answer{
		now: numbers[0], epoch: fmt.Sprint(reply[1]), slots: int(numbers[2]), inUse: int(numbers[3]), closed: numbers[4],
		again: time.Duration(numbers[5]) * time.Microsecond,
	}
	for _, token := range reply[6:] {
		a.tokens = append(a.tokens, fmt.Sprint(token))
	}
	return a, nil
}
