package main

import (
	"errors"
	"log/slog"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/fault"
)

// till opens what operator commands see and change deposits and withdrawals through.
// Their webhooks are found by the scheduler.
func (e *env) till() (*backoffice.Till, error) {
	db, err := e.DB()
	if err != nil {
		return nil, err
	}
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return nil, err
	}
	return role.Deps{Config: cfg, DB: db, Now: e.now, Log: slog.New(slog.DiscardHandler)}.Till(nil), nil
}

// asked gives what the back office says of how it was asked as a wrong call.
func asked(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.Invalid {
		return &usageError{err}
	}
	return err
}

// states reads the states of a flag; kong has checked that there are such.
func states[S ~string](names []string) []S {
	out := make([]S, len(names))
	for i, name := range names {
		out[i] = S(name)
	}
	return out
}
