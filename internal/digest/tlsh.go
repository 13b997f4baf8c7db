package digest

import (
	"encoding/hex"
	"math"
	"slices"
)

// tlsh computes the locality-sensitive hash T1 of a stream (Oliver, Cheng, Chen, "TLSH - A Locality Sensitive Hash", 2013):
// six of the triplets in a window of five bytes are counted in buckets, and the hash tells for each bucket in which quarter
// of all buckets its count lies. With 128 buckets and a checksum of one byte. The zero value has seen nothing.
type tlsh struct {
	size     int64
	window   [tlshWindow - 1]byte // the last bytes, newest first
	checksum byte
	// counts has one table for each kind of triplet, counted before the last step of the Pearson hash, which is a
	// permutation: one look-up less for each, and no count is waited for that another kind has just raised.
	counts [tlshTriplets][256]uint64
}

const (
	tlshWindow   = 5
	tlshTriplets = 6
	tlshBuckets  = 128 // of 256: the others are not looked at
	shortestTLSH = 50  // bytes; files have one from MinTLSHSize on
)

// Write hashes p. It never fails.
func (t *tlsh) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && t.size < tlshWindow-1 { // until there is a window
		t.window = [...]byte{p[0], t.window[0], t.window[1], t.window[2]}
		t.size++
		p = p[1:]
	}
	t.size += int64(len(p))
	b1, b2, b3, b4 := t.window[0], t.window[1], t.window[2], t.window[3]
	checksum := t.checksum
	for _, b0 := range p {
		steps := tlshFirst[b0] // shifted step by step, and the checksum last: so all stays in registers
		t.counts[0][pearson[byte(steps)^b1]^b2]++
		steps >>= 8
		t.counts[1][pearson[byte(steps)^b1]^b3]++
		steps >>= 8
		t.counts[2][pearson[byte(steps)^b2]^b3]++
		steps >>= 8
		t.counts[3][pearson[byte(steps)^b2]^b4]++
		steps >>= 8
		t.counts[4][pearson[byte(steps)^b1]^b4]++
		steps >>= 8
		t.counts[5][pearson[byte(steps)^b3]^b4]++
		steps >>= 8
		checksum = pearson[pearson[byte(steps)^b1]^checksum]
		b1, b2, b3, b4 = b0, b1, b2, b3
	}
	t.window, t.checksum = [...]byte{b1, b2, b3, b4}, checksum
	return n, nil
}

// String returns the hash of what was written so far, lower case, "" when that is less than shortestTLSH or too uniform: a
// quarter of the buckets or fewer, or half of them or fewer, were met.
func (t *tlsh) String() string {
	if t.size < shortestTLSH {
		return ""
	}
	var buckets [tlshBuckets]uint64
	met := 0
	for i := range 256 {
		bucket := int(pearson[i])
		if bucket >= tlshBuckets {
			continue
		}
		for kind := range t.counts {
			buckets[bucket] += t.counts[kind][i]
		}
		if buckets[bucket] > 0 {
			met++
		}
	}
	sorted := buckets
	slices.Sort(sorted[:])
	q1, q2, q3 := sorted[tlshBuckets/4-1], sorted[tlshBuckets/2-1], sorted[tlshBuckets*3/4-1]
	if q3 == 0 || met <= tlshBuckets/2 {
		return ""
	}
	hash := []byte{swapNibbles(t.checksum), swapNibbles(lengthClass(t.size)), byte(q1*100/q3%16)<<4 | byte(q2*100/q3%16)}
	for i := tlshBuckets - 4; i >= 0; i -= 4 {
		var quarters byte
		for j, count := range buckets[i : i+4] {
			switch {
			case count > q3:
				quarters |= 3 << (2 * j)
			case count > q2:
				quarters |= 2 << (2 * j)
			case count > q1:
				quarters |= 1 << (2 * j)
			}
		}
		hash = append(hash, quarters)
	}
	return "T1" + hex.EncodeToString(hash)
}

func swapNibbles(b byte) byte { return b<<4 | b>>4 }

// lengthClass is the logarithm of a size: to base 1.5 for small ones, then 1.3, then 1.1.
func lengthClass(size int64) byte {
	log := float64(float32(math.Log(float64(float32(size)))))
	switch {
	case size <= 656:
		return byte(int(log / 0.4054651))
	case size <= 3199:
		return byte(int(log/0.26236426 - 8.72777))
	}
	return byte(int(log/0.095310180 - 62.5472))
}

// tlshFirst are the first steps of all seven Pearson hashes, with the salts of the six kinds of triplets and of the
// checksum, for each first byte: the n-th in bits 8n and up.
var tlshFirst = func() (first [256]uint64) {
	for b := range first {
		for i, salt := range [...]byte{2, 3, 5, 7, 11, 13, 0} {
			first[b] |= uint64(pearson[pearson[salt]^byte(b)]) << (8 * i)
		}
	}
	return first
}()

// pearson is the permutation that TLSH hashes with, from Pearson, "Fast hashing of variable-length text strings", 1990.
var pearson = [256]byte{
	1, 87, 49, 12, 176, 178, 102, 166, 121, 193, 6, 84, 249, 230, 44, 163,
	14, 197, 213, 181, 161, 85, 218, 80, 64, 239, 24, 226, 236, 142, 38, 200,
	110, 177, 104, 103, 141, 253, 255, 50, 77, 101, 81, 18, 45, 96, 31, 222,
	25, 107, 190, 70, 86, 237, 240, 34, 72, 242, 20, 214, 244, 227, 149, 235,
	97, 234, 57, 22, 60, 250, 82, 175, 208, 5, 127, 199, 111, 62, 135, 248,
	174, 169, 211, 58, 66, 154, 106, 195, 245, 171, 17, 187, 182, 179, 0, 243,
	132, 56, 148, 75, 128, 133, 158, 100, 130, 126, 91, 13, 153, 246, 216, 219,
	119, 68, 223, 78, 83, 88, 201, 99, 122, 11, 92, 32, 136, 114, 52, 10,
	138, 30, 48, 183, 156, 35, 61, 26, 143, 74, 251, 94, 129, 162, 63, 152,
	170, 7, 115, 167, 241, 206, 3, 150, 55, 59, 151, 220, 90, 53, 23, 131,
	125, 173, 15, 238, 79, 95, 89, 16, 105, 137, 225, 224, 217, 160, 37, 123,
	118, 73, 2, 157, 46, 116, 9, 145, 134, 228, 207, 212, 202, 215, 69, 229,
	27, 188, 67, 124, 168, 252, 42, 4, 29, 108, 21, 247, 19, 205, 39, 203,
	233, 40, 186, 147, 198, 192, 155, 33, 164, 191, 98, 204, 165, 180, 117, 76,
	140, 36, 210, 172, 41, 54, 159, 8, 185, 232, 113, 196, 231, 47, 146, 120,
	51, 65, 28, 144, 254, 221, 93, 189, 194, 139, 112, 43, 71, 109, 184, 209,
}
