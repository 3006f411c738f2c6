package main

import (
	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/api/admin"
	"github.com/muarahq/muara/pkg/config"
)

type openapiCmd struct {
	// Format is the document's own version; --json changes nothing, since it is one JSON object anyway.
	Format string `name:"version" enum:"3.1,3.0" default:"3.1" help:"OpenAPI version: 3.1 or 3.0."`
	Admin  bool   `help:"The admin API instead of the merchant API." xor:"what"`
	// Postman is of the merchant API.
	Postman bool `help:"A Postman collection (v2.1) of the merchant API." xor:"what"`
}

func (c *openapiCmd) Run(e *env) error {
	cfg, err := e.Config(config.Need(0))
	if err != nil {
		return err
	}
	document := api.Document
	if c.Admin {
		document = admin.Document
	}
	if c.Postman {
		doc, err := api.Postman(cfg.Brand, cfg.API)
		if err != nil {
			return err
		}
		_, err = e.stdout.Write(doc)
		return err
	}
	doc, err := document(cfg.Brand, cfg.API, c.Format)
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(doc)
	return err
}
