// Command goplugin speaks the reference's Avro through github.com/hamba/avro/v2, the library that the reference's own Go
// plugins use; it shares no code with lazuli, not even the module.
//
//	goplugin convert    reads lines of JSON (see conversion), writes one line for each
//	goplugin run        is a plugin: registers, polls, reads streams, reports; see run.go
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hamba/avro/v2"
)

// api takes the names in Avro from the tags for JSON.
var api = avro.Config{TagKey: "json"}.Freeze()

// conversion is one thing to convert: JSON into Avro, or, with Avro given in hex, the other way.
type conversion struct {
	Model   string          `json:"model"`
	Version int             `json:"version"`
	Bulk    bool            `json:"bulk"`
	JSON    json.RawMessage `json:"json,omitempty"`
	Avro    string          `json:"avro,omitempty"`
	Error   string          `json:"error,omitempty"`
}

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "convert":
		err = convertLines()
	case len(os.Args) == 2 && os.Args[1] == "run":
		err = run()
	default:
		err = fmt.Errorf("usage: goplugin convert|run")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "goplugin:", err)
		os.Exit(1)
	}
}

func convertLines() error {
	in := bufio.NewReader(os.Stdin)
	dec, enc := json.NewDecoder(in), json.NewEncoder(os.Stdout)
	for dec.More() {
		var c conversion
		if err := dec.Decode(&c); err != nil {
			return err
		}
		if err := c.convert(); err != nil {
			c.Error = err.Error()
		}
		if err := enc.Encode(c); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversion) convert() error {
	v := empty(c.Model, c.Bulk)
	if c.Avro == "" {
		if err := json.Unmarshal(c.JSON, v); err != nil {
			return err
		}
		raw, err := encode(c.Model, c.Version, c.Bulk, v)
		c.JSON, c.Avro = nil, hex.EncodeToString(raw)
		return err
	}
	raw, err := hex.DecodeString(c.Avro)
	if err != nil {
		return err
	}
	if err := decode(c.Model, c.Version, c.Bulk, raw, v); err != nil {
		return err
	}
	c.Avro = ""
	c.JSON, err = json.Marshal(v)
	return err
}

func encode(model string, version int, inBulk bool, v any) ([]byte, error) {
	schema, err := parse(model, version, inBulk)
	if err != nil {
		return nil, err
	}
	return api.Marshal(schema, v)
}

func decode(model string, version int, inBulk bool, raw []byte, v any) error {
	schema, err := parse(model, version, inBulk)
	if err != nil {
		return err
	}
	return api.Unmarshal(schema, raw, v)
}
