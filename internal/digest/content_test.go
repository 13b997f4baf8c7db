package digest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// mixed is an endless stream of stretches as files have them: zeros, random bytes, text, repetition, and copies of what ends
// pieces at many block sizes.
type mixed struct {
	random *rand.Rand
	rest   []byte
	anchor []byte // seven bytes whose rolling hash ends pieces at a high level
}

func newMixed(seed uint64) *mixed {
	random := rand.New(rand.NewPCG(seed, 5))
	return &mixed{random: random, anchor: findAnchor(random, 6+random.IntN(8))}
}

func (m *mixed) Read(p []byte) (int, error) {
	if len(m.rest) == 0 {
		m.rest = m.stretch(1 << m.random.IntN(18))
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

func (m *mixed) stretch(size int) []byte {
	out := make([]byte, size)
	switch m.random.IntN(6) {
	case 0: // zeros
	case 1:
		fill(m.random, out)
	case 2:
		fill(m.random, out)
		for i, b := range out {
			out[i] = " etaoin shrdlu\r\n"[b%16]
		}
	case 3:
		period := out[:min(size, 1+m.random.IntN(300))]
		fill(m.random, period)
		for i := len(period); i < size; i++ {
			out[i] = out[i-len(period)]
		}
	case 4:
		fill(m.random, out)
		for i := 0; i+20 < size; i += 7 + m.random.IntN(60) {
			copy(out[i:], m.anchor)
		}
	case 5: // one byte again and again
		for i := range out {
			out[i] = byte(size)
		}
	}
	return out
}

func fill(random *rand.Rand, p []byte) {
	for ; len(p) >= 8; p = p[8:] {
		binary.LittleEndian.PutUint64(p, random.Uint64())
	}
	for i := range p {
		p[i] = byte(random.Uint32())
	}
}

// findAnchor looks for seven bytes that end a piece at level or above.
func findAnchor(random *rand.Rand, level int) []byte {
	anchor := make([]byte, windowBytes)
	for {
		fill(random, anchor)
		var s ssdeep
		s.Write(anchor)
		if int64(s.rolling())%blockSize(level) == blockSize(level)-1 {
			return anchor
		}
	}
}

// writeEdgeCases makes files whose sizes and contents are on the edges of what the hashes tell apart, and returns their paths.
func writeEdgeCases(t *testing.T) []string {
	t.Helper()
	folder := t.TempDir()
	var files []string
	write := func(name string, content []byte) {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1<<20)
	fill(random, noise)
	for _, size := range []int{
		0, 1, 2, 4, 5, 6, 7, 8, 48, 49, 50, 51, 52, 191, 192, 193, 255, 256, 257, 383, 384, 385, 656, 657, 1110, 1111, 3171, 3172, 3199, 3200,
		4095, 4096, 4097, 65535, 65536, 65537, 1 << 20,
	} {
		write(fmt.Sprintf("random-%d", size), noise[:size])
		write(fmt.Sprintf("zeros-%d", size), make([]byte, size))
		write(fmt.Sprintf("text-%d", size), bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog\n"), size/44+1)[:size])
		write(fmt.Sprintf("zeros-at-end-%d", size), append(noise[:size:size], make([]byte, size)...))
	}
	for b := range 256 { // some end a piece at every byte
		write(fmt.Sprintf("all-%d", b), bytes.Repeat([]byte{byte(b)}, 4096+b))
	}
	for distinct := 2; distinct < 64; distinct++ { // so few that half of the buckets are hardly met
		content := make([]byte, 6000)
		for i := range content {
			content[i] = byte(random.IntN(distinct))
		}
		for _, size := range []int{60, 100, 200, 6000} {
			write(fmt.Sprintf("distinct-%d-%d", distinct, size), content[:size])
		}
	}
	for level := range 19 { // every seventh byte ends a piece at this level, and at those below
		anchor := findAnchor(random, level)
		for _, size := range []int{300, 5000, 200_000} {
			write(fmt.Sprintf("anchor-%d-%d", level, size), bytes.Repeat(anchor, size/windowBytes))
		}
	}
	for level := range 9 { // the last byte ends a piece where a block size ends to be large enough
		anchor := findAnchor(random, 10)
		size := signatureLength * int(blockSize(level))
		for _, size := range []int{size - 1, size, size + 1} {
			content := bytes.Repeat(anchor, size/windowBytes+1)
			write(fmt.Sprintf("full-%d", size), content[len(content)-size:])
		}
	}
	// The rolling hash of these is the highest number there is, which ends no piece, though one more would divide by anything.
	highest := []byte{0, 120, 248, 248, 248, 61, 228}
	write("highest", append(noise[:5000:5000], highest...))
	write("highest-again-and-again", bytes.Repeat(highest, 2000))
	topmost := []byte{0, 88, 248, 248, 248, 86, 109} // and these end pieces at all levels that there are
	write("topmost", append(noise[:5000:5000], topmost...))
	for _, times := range []int{40, 4000, 100_000} {
		write(fmt.Sprintf("topmost-%d", times), bytes.Repeat(topmost, times))
	}
	for i := range 400 {
		content := make([]byte, 1+random.IntN(1<<random.IntN(20)))
		m := newMixed(uint64(i))
		for rest := content; len(rest) > 0; {
			n, _ := m.Read(rest)
			rest = rest[n:]
		}
		write(fmt.Sprintf("mixed-%d", i), content)
	}
	return files
}
