package cart

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// oracle packs and unpacks the files of a list with the cart package of PyPI, and prints what it read of metadata.
const oracle = `
import base64, hashlib, json, sys
from cart import cart
out = []
for job in json.load(sys.stdin):
    key = base64.b64decode(job["key"]) if job["key"] else None
    with open(job["from"], "rb") as i, open(job["to"], "wb") as o:
        if job["pack"]:
            cart.pack_stream(i, o, optional_header={"name": "theirs"}, arc4_key_override=key, auto_digests=(hashlib.md5, hashlib.sha1, hashlib.sha256))
            out.append({})
        else:
            header, footer = cart.unpack_stream(i, o, arc4_key_override=key)
            out.append({"header": header, "footer": footer})
print(json.dumps(out))
`

type oracleJob struct {
	Pack bool   `json:"pack"`
	From string `json:"from"`
	To   string `json:"to"`
	Key  string `json:"key"`
}

// TestOracle: what we wrap, PyPI's cart unwraps with our metadata, and we what it wraps.
func TestOracle(t *testing.T) {
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err == nil {
		err = exec.Command(python, "-c", "from cart import cart").Run()
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("PyPI's cart is missing (%v); test/setup installs it", err)
		}
		t.Skipf("SKIPPED: PyPI's cart is missing (%v), so nothing was compared with it; run test/setup", err)
	}
	dir := t.TempDir()
	var jobs []oracleJob
	var keys []Key
	var contents [][]byte
	for _, key := range []Key{{}, {1, 2, 3, 0, 5}} {
		text := ""
		if key != (Key{}) {
			text = base64.StdEncoding.EncodeToString(key[:])
		}
		for _, size := range sizes {
			p := content(size)
			name := filepath.Join(dir, fmt.Sprint(len(jobs)))
			must(t, os.WriteFile(name+".raw", p, 0o600))
			must(t, os.WriteFile(name+".ours", wrap(t, p, key, Metadata{"name": "ours", "n": 7}), 0o600))
			jobs = append(jobs, oracleJob{false, name + ".ours", name + ".unwrapped", text}, oracleJob{true, name + ".raw", name + ".theirs", text})
			keys, contents = append(keys, key), append(contents, p)
		}
	}
	in, err := json.Marshal(jobs)
	must(t, err)
	cmd := exec.Command(python, "-c", oracle)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	text, err := cmd.Output()
	must(t, err)
	var told []struct{ Header, Footer map[string]any }
	must(t, json.Unmarshal(text, &told))
	for i, want := range contents {
		unwrapped, err := os.ReadFile(jobs[2*i].To)
		must(t, err)
		if !bytes.Equal(unwrapped, want) {
			t.Errorf("ours of %d bytes: they unwrap %d", len(want), len(unwrapped))
		}
		theirs, err := os.Open(jobs[2*i+1].To)
		must(t, err)
		c, got, err := unwrap(theirs, keys[i])
		theirs.Close()
		if err != nil || !bytes.Equal(got, want) || c.Metadata.Name() != "theirs" {
			t.Errorf("theirs of %d bytes: %d bytes, %v", len(want), len(got), err)
			continue
		}
		for name, sum := range c.Footer() {
			if told[2*i].Footer[name] != sum {
				t.Errorf("%d bytes: they read the %s %v, and write %v", len(want), name, told[2*i].Footer[name], sum)
			}
		}
		if told[2*i].Header["name"] != "ours" || told[2*i].Header["n"] != 7.0 || told[2*i].Footer["length"] != fmt.Sprint(len(want)) {
			t.Errorf("%d bytes: they read %v", len(want), told[2*i])
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
