package digest

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// CompareTLSH is the distance of two TLSH hashes, as the authors' library computes it: 0 for the same hash, below 50 or so for
// files that are alike, more than 1,000 at most. The T1 in front may be missing. What is no such hash is an error.
func CompareTLSH(a, b string) (int, error) {
	x, err := ParseTLSH(a)
	if err != nil {
		return 0, err
	}
	y, err := ParseTLSH(b)
	if err != nil {
		return 0, err
	}
	return x.Distance(&y), nil
}

// TLSH is a hash as it is compared with many others.
type TLSH [tlshBytes]byte

// LengthClass is the logarithm of the file's size, on a circle of 256. What is more than one class apart is TLSHClassDistance for each of them apart, at least.
func (x *TLSH) LengthClass() byte { return swapNibbles(x[1]) }

// TLSHClassDistance is what a class of length counts.
const TLSHClassDistance = 12

// Distance is that of CompareTLSH, in some 15 ns.
func (x *TLSH) Distance(y *TLSH) int {
	distance := 0
	if x[0] != y[0] { // the checksum
		distance++
	}
	const weight = 12
	switch length := apart(x.LengthClass(), y.LengthClass(), 256); length {
	case 0, 1:
		distance += length
	default:
		distance += length * TLSHClassDistance
	}
	for _, shift := range [...]int{0, 4} { // the ratios of the quartiles
		switch ratio := apart(x[2]>>shift&15, y[2]>>shift&15, 16); ratio {
		case 0, 1:
			distance += ratio
		default:
			distance += (ratio - 1) * weight
		}
	}
	for i := tlshHeader; i < tlshBytes; i += 8 {
		distance += quartersApart(binary.LittleEndian.Uint64(x[i:]), binary.LittleEndian.Uint64(y[i:]))
	}
	return distance
}

const (
	tlshHeader = 3 // checksum, length class, ratios
	tlshBytes  = tlshHeader + tlshBuckets/4
)

// quartersApart adds up how far apart 32 quarters of buckets are, two bits each: their difference, but 6 from the first to the last.
func quartersApart(x, y uint64) int {
	const low = 0x5555_5555_5555_5555
	ones, twos := (x^y)&low, (x^y)>>1&low // quarters whose lower, whose higher bits differ
	both := ones & twos
	ends := both &^ (x ^ x>>1) // 0 and 3; the others of both are 1 and 2
	return bits.OnesCount64(ones) + 2*bits.OnesCount64(twos&^ones) + 5*bits.OnesCount64(ends)
}

// apart is the distance of two numbers on a circle of n.
func apart(a, b byte, n int) int {
	d := max(int(a), int(b)) - min(int(a), int(b))
	return min(d, n-d)
}

var errNotTLSH = errors.New("not a TLSH hash")

// ParseTLSH reads a hash as String writes it; the T1 in front may be missing.
func ParseTLSH(text string) (hash TLSH, err error) {
	digits := strings.TrimPrefix(text, "T1")
	if len(digits) != hex.EncodedLen(tlshBytes) {
		return hash, fmt.Errorf("%w: %.160q", errNotTLSH, text)
	}
	if _, err := hex.Decode(hash[:], []byte(digits)); err != nil {
		return hash, fmt.Errorf("%w: %.160q", errNotTLSH, text)
	}
	return hash, nil
}
