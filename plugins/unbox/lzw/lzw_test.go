package lzw

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"lazuli/plugin/plugintest"
)

func unpack(packed []byte) ([]byte, error) {
	r, err := NewReader(bufio.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestAgainstTool(t *testing.T) {
	tool := plugintest.Tool(t, "compress")
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(r.Uint32() >> r.IntN(20))
	}
	words := []byte(strings.Repeat("some words, ", 20_000))
	for i, content := range [][]byte{{1}, []byte("aaaaaaaaaaaa"), words, noise, bytes.Join([][]byte{words, noise, words, noise, noise}, nil)} {
		for bits := leastBits + 1; bits <= mostBits; bits++ { // what the tool makes with 9 bits it cannot read itself
			packed := plugintest.Output(t, "", content, tool, "-cf", fmt.Sprintf("-b%d", bits))
			if got, err := unpack(packed); err != nil || !bytes.Equal(got, content) {
				t.Errorf("content %d, %d bits: %d bytes of %d, %v", i, bits, len(got), len(content), err)
			}
		}
	}
}

func TestDamaged(t *testing.T) {
	for packed, want := range map[string]string{
		"": "unexpected EOF", "\x1f\x9d": "unexpected EOF", "\x1f\x9d\x88": "no such header", "\x1f\x9d\x91": "no such header", "\x1f\x9d\x90\xff\xff": "stands for nothing",
		"\x1f\x9d\x90a\x04\x06": "stands for nothing",
	} {
		if _, err := unpack([]byte(packed)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", packed, err)
		}
	}
}

func Fuzz(f *testing.F) {
	f.Add([]byte("\x1f\x9d\x90a\xc4\x00"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		r, err := NewReader(bufio.NewReader(bytes.NewReader(packed)))
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
		}
	})
}
