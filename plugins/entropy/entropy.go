// Package entropy measures how random a file is, as a whole and block by block.
package entropy

import (
	"context"
	"fmt"
	"io"
	"math"

	"lazuli/event"
	"lazuli/plugin"
)

// Plugin sets the feature entropy, in bits for each byte from 0 to 8, and the info object "entropy" with the blocks.
type Plugin struct{}

// Spec implements plugin.Plugin. The version is that of the plugin in Azul whose values these are.
func (Plugin) Spec() plugin.Spec {
	return plugin.Spec{
		Name: "Entropy", Version: "2025.05.16",
		Description: "Shannon entropy of a file and of its blocks",
		Features:    []plugin.Feature{{Name: "entropy", Type: event.Float, Description: "entropy of the whole file in bits for each byte"}},
	}
}

// The rule of the blocks, which similarity searches depend on: 800 of equal size, or of 256 bytes where that would be less.
// A part-block at the end is no block, but counts for the whole.
const (
	mostBlocks    = 800
	smallestBlock = 256
)

// report is the info object.
type report struct {
	Overall    float64   `json:"overall"`
	BlockSize  int64     `json:"block_size"`
	BlockCount int64     `json:"block_count"`
	Blocks     []float64 `json:"blocks"`
}

// Run implements plugin.Plugin.
func (Plugin) Run(ctx context.Context, job *plugin.Job) error {
	content, err := job.Content()
	if err != nil {
		return err
	}
	r, err := measure(ctx, content, content.Size())
	if err != nil {
		return err
	}
	if err := job.Feature("entropy", r.Overall); err != nil {
		return err
	}
	return job.Info("entropy", r)
}

// measure reads size bytes once.
func measure(ctx context.Context, content io.Reader, size int64) (*report, error) {
	r := &report{BlockSize: size / mostBlocks, BlockCount: mostBlocks, Blocks: []float64{}}
	if r.BlockSize < smallestBlock {
		r.BlockSize, r.BlockCount = smallestBlock, size/smallestBlock
	}
	var whole [256]uint64
	var block histogram
	buf := make([]byte, 256<<10)
	inBlock, total := int64(0), int64(0) // bytes counted into block, and read
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := content.Read(buf)
		total += int64(n)
		for part := buf[:n]; len(part) > 0; {
			k := min(int64(len(part)), r.BlockSize-inBlock)
			block.add(part[:k])
			part = part[k:]
			if inBlock += k; inBlock == r.BlockSize {
				if int64(len(r.Blocks)) < r.BlockCount {
					sums := block.sums()
					r.Blocks = append(r.Blocks, entropy(&sums, inBlock))
				}
				block.moveTo(&whole)
				inBlock = 0
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if total != size {
		return nil, fmt.Errorf("read %d bytes, and the file has %d", total, size)
	}
	block.moveTo(&whole)
	r.Overall = entropy(&whole, total)
	return r, nil
}

// histogram counts the bytes of a block. Four tables take turns, so that a run of equal bytes does not wait for its own
// counter: zeros then go as fast as random bytes, 1.5 GB/s.
type histogram [4][256]uint32

func (h *histogram) add(b []byte) {
	for len(b) >= 8 {
		h[0][b[0]]++
		h[1][b[1]]++
		h[2][b[2]]++
		h[3][b[3]]++
		h[0][b[4]]++
		h[1][b[5]]++
		h[2][b[6]]++
		h[3][b[7]]++
		b = b[8:]
	}
	for _, c := range b {
		h[0][c]++
	}
}

func (h *histogram) sums() (all [256]uint64) {
	for c := range all {
		all[c] = uint64(h[0][c]) + uint64(h[1][c]) + uint64(h[2][c]) + uint64(h[3][c])
	}
	return all
}

// moveTo adds the counts to those of the whole file and empties the block.
func (h *histogram) moveTo(whole *[256]uint64) {
	for c, n := range h.sums() {
		whole[c] += n
	}
	*h = histogram{}
}

// entropy is -Σ p·log2 p over the counts of n bytes (Shannon 1948).
func entropy(counts *[256]uint64, n int64) float64 {
	sum := 0.0
	for _, k := range counts {
		if k > 0 {
			p := float64(k) / float64(n)
			sum -= p * math.Log2(p)
		}
	}
	return sum + 0 // never -0
}
