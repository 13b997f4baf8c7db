package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Auth is who may speak to a port. The file holds hashes, or names files that hold secrets; it never holds a secret itself.
type Auth struct {
	Users  []AuthUser  `yaml:"users"`
	Tokens []AuthToken `yaml:"tokens"`
}

// AuthUser is a name with a password: HTTP Basic, and what azul-runner carries in its URL.
type AuthUser struct {
	Name         string `yaml:"name"`
	PasswordHash string `yaml:"password_hash"` // of argon2id, from `lazuli hash-password`
	PasswordFile string `yaml:"password_file"` // or a file whose one line is the password
}

// AuthToken is a secret that nobody can guess: Authorization: Bearer.
type AuthToken struct {
	Name   string `yaml:"name"`   // for people; nobody sends it
	SHA256 string `yaml:"sha256"` // of the token, in hex, from `lazuli hash-password --token`
	File   string `yaml:"file"`   // or a file whose one line is the token
}

// Empty tells whether nobody is named, and so nobody is asked.
func (a Auth) Empty() bool { return len(a.Users) == 0 && len(a.Tokens) == 0 }

// authVariable holds, in the environment, what the file has below dispatcher_auth, as YAML or JSON.
const authVariable = "LAZULI_DISPATCHER_AUTH"

func (a *Auth) read(node ast.Node) error {
	*a = Auth{}
	if node.Type() == ast.NullType {
		return nil
	}
	if err := yaml.NodeToValue(node, a, yaml.Strict()); err != nil {
		return fmt.Errorf("%w (in dispatcher_auth)", yamlError(err))
	}
	return nil
}

func (a *Auth) readText(text string) error {
	*a = Auth{}
	if err := yaml.UnmarshalWithOptions([]byte(text), a, yaml.Strict()); err != nil {
		return yamlError(err)
	}
	return nil
}

func (a Auth) validate() error {
	names := map[string]bool{}
	for i, u := range a.Users {
		switch {
		case u.Name == "" || len(u.Name) > 128 || strings.ContainsAny(u.Name, ":\n\r"):
			return fmt.Errorf("users: number %d must have a name of 1 to 128 characters without a colon", i+1)
		case names[u.Name]:
			return fmt.Errorf("users: %.80q is there twice", u.Name)
		case (u.PasswordHash == "") == (u.PasswordFile == ""):
			return fmt.Errorf("users: %.80q must have either password_hash (`lazuli hash-password` makes it) or password_file", u.Name)
		case u.PasswordHash != "" && !strings.HasPrefix(u.PasswordHash, "$argon2id$"):
			return fmt.Errorf("users: password_hash of %.80q is no argon2id hash: `lazuli hash-password` makes one", u.Name)
		}
		names[u.Name] = true
	}
	for i, t := range a.Tokens {
		if err := t.validate(); err != nil {
			return fmt.Errorf("tokens: number %d %w", i+1, err)
		}
	}
	return nil
}

func (t AuthToken) validate() error {
	if t.Name == "" {
		return errors.New("must have a name")
	}
	if (t.SHA256 == "") == (t.File == "") {
		return errors.New("must have either sha256 (`lazuli hash-password --token` makes it) or file")
	}
	if sum, err := hex.DecodeString(t.SHA256); t.SHA256 != "" && (err != nil || len(sum) != 32) {
		return errors.New("must have 64 hex digits as sha256: `lazuli hash-password --token` makes them")
	}
	return nil
}

// TLS is a certificate by its files, in PEM. Both or none.
type TLS struct {
	CertFile string // the certificate, then those between it and the root
	KeyFile  string
}

// On tells whether a certificate is configured.
func (t TLS) On() bool { return t.CertFile != "" }

func (t TLS) validate() error {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New("cert_file and key_file belong together: one of them is missing")
	}
	return nil
}
