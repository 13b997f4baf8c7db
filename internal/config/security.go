package config

import (
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"lazuli/internal/security"
)

// readSecurity reads the labels, which are a whole: with any of them in the file nothing of those that are built in stays.
func (c *Config) readSecurity(node ast.Node) error {
	if node.Type() == ast.NullType {
		return nil
	}
	c.Security = security.Config{}
	if err := yaml.NodeToValue(node, &c.Security, yaml.Strict()); err != nil {
		return fmt.Errorf("%w (in security)", yamlError(err))
	}
	return nil
}

func validSecurity(labels security.Config) error {
	if _, err := security.New(labels); err != nil {
		return fmt.Errorf("security.%w", err)
	}
	return nil
}
