package dispatcher

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"lazuli/event"
	"lazuli/internal/blob"
)

// TestUploadsHaveFuzzyHashes: the answer to an upload has the hashes that ssdeep and py-tlsh give, and has none where the content
// is too short.
func TestUploadsHaveFuzzyHashes(t *testing.T) {
	b := newBench(t)
	var lines strings.Builder
	for i := range 150 {
		fmt.Fprintf(&lines, "%d bottles of beer on the wall\n", i)
	}
	for _, c := range []struct{ content, ssdeep, tlsh string }{
		{
			lines.String(), "96:X2dEjaR4XudIHMlCrgjlmP/W9kD6xY3OIhqL/UtGvADlBoTKwI0PmZg6DYxW/k9V:M7PFXMDQ",
			"T1caa183edddb64733f0072b4a130987e54301ed6837bfd82531c8127563a0ea2e0ae1ea",
		},
		{lines.String()[:60], "", "T17da002ecc8a00223e0072a02030986e00300982832bbc01020cc423462a0ea2a0a90e8"},
		{lines.String()[:50], "", ""},
	} {
		code, body := b.call("POST", "/api/v3/stream/src/text", c.content)
		var up struct{ Data event.Datastream }
		if err := json.Unmarshal(body, &up); err != nil || code != 200 {
			t.Fatalf("%d %s %v", code, body, err)
		}
		if up.Data.SSDeep != c.ssdeep || up.Data.TLSH != c.tlsh {
			t.Errorf("%d bytes: ssdeep %q, tlsh %q", len(c.content), up.Data.SSDeep, up.Data.TLSH)
		}
	}
}

// TestUploadThatEndsEarly: of a body that is shorter than was announced, nothing is kept.
func TestUploadThatEndsEarly(t *testing.T) {
	b := newBench(t)
	const half = "the first half of"
	body := io.MultiReader(strings.NewReader(half), iotest.ErrReader(io.ErrUnexpectedEOF)) // as net/http tells it
	if _, err := b.d.Upload(t.Context(), "src", "text", body, UploadOptions{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the upload ended with %v", err)
	}
	sum := sha256.Sum256([]byte(half))
	if _, err := b.store.Stat(t.Context(), blob.Key{Source: "src", Label: "text", SHA256: hex.EncodeToString(sum[:])}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("the first half is kept: %v", err)
	}
}
