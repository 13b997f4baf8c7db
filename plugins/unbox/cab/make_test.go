package cab

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"math/rand/v2"

	"lazuli/plugins/unbox/lzx/lzxtest"
	"lazuli/plugins/unbox/quantum/quantumtest"
)

// made is a cabinet that a test makes.
type made struct {
	kind        uint16 // how its one folder is compressed
	names       []string
	contents    []string
	offsets     []int    // of the files in the folder, if they are not one behind the other
	folders     []uint16 // of the files, if not 0
	reserve     [3]int   // bytes in the header, in each folder and in each block
	previous    string
	next        string
	noChecksum  bool
	brokenCheck bool
	lastGoesOn  bool // the last block ends in the next cabinet
	attributes  uint16
}

func (m made) bytes() []byte {
	data := []byte(join(m.contents))
	blocks := m.compress(data)
	le := binary.LittleEndian
	var head []byte
	flags := uint16(0)
	var extra []byte
	if m.reserve != [3]int{} {
		flags |= flagReserve
		extra = le.AppendUint16(extra, uint16(m.reserve[0]))
		extra = append(extra, byte(m.reserve[1]), byte(m.reserve[2]))
		extra = append(extra, bytes.Repeat([]byte("r"), m.reserve[0])...)
	}
	if m.previous != "" {
		flags |= flagPrevious
		extra = append(extra, m.previous+"\x00disk 1\x00"...)
	}
	if m.next != "" {
		flags |= flagNext
		extra = append(extra, m.next+"\x00disk 3\x00"...)
	}
	var files []byte
	at := 0
	for i, name := range m.names {
		offset, folder := at, uint16(0)
		if m.offsets != nil {
			offset = m.offsets[i]
		}
		if m.folders != nil {
			folder = m.folders[i]
		}
		files = le.AppendUint32(files, uint32(len(m.contents[i])))
		files = le.AppendUint32(files, uint32(offset))
		files = le.AppendUint16(files, folder)
		files = le.AppendUint16(files, 44<<9|1<<5|2) // 2024-01-02
		files = le.AppendUint16(files, 3<<11|4<<5|3) // 03:04:06
		files = le.AppendUint16(files, m.attributes)
		files = append(files, name+"\x00"...)
		at += len(m.contents[i])
	}
	filesAt := headerSize + len(extra) + folderSize + m.reserve[1]
	dataAt := filesAt + len(files)
	head = append(head, signature+"\x00\x00\x00\x00"...)
	var body []byte
	for i, b := range blocks {
		size := min(blockSize, len(data)-i*blockSize)
		if m.lastGoesOn && i == len(blocks)-1 {
			size = 0
		}
		tail := le.AppendUint16(nil, uint16(len(b)))
		tail = le.AppendUint16(tail, uint16(size))
		tail = append(tail, bytes.Repeat([]byte("d"), m.reserve[2])...)
		sum := checksum(tail[:4], checksum(b, 0))
		switch {
		case m.noChecksum:
			sum = 0
		case m.brokenCheck:
			sum ^= 1
		}
		body = le.AppendUint32(body, sum)
		body = append(append(body, tail...), b...)
	}
	head = le.AppendUint32(head, uint32(dataAt+len(body)))
	head = append(head, 0, 0, 0, 0)
	head = le.AppendUint32(head, uint32(filesAt))
	head = append(head, 0, 0, 0, 0, 3, 1)
	head = le.AppendUint16(head, 1)
	head = le.AppendUint16(head, uint16(len(m.names)))
	head = le.AppendUint16(head, flags)
	head = append(head, 1, 0, 0, 0)
	head = append(head, extra...)
	head = le.AppendUint32(head, uint32(dataAt))
	head = le.AppendUint16(head, uint16(len(blocks)))
	head = le.AppendUint16(head, m.kind)
	head = append(head, bytes.Repeat([]byte("f"), m.reserve[1])...)
	return append(append(head, files...), body...)
}

func join(parts []string) (all string) {
	for _, p := range parts {
		all += p
	}
	return all
}

func (m made) compress(data []byte) (blocks [][]byte) {
	bits := int(m.kind >> 8 & 31)
	switch m.kind & kindMask {
	case kindQuantum:
		return quantumtest.Encode(data, bits, 1)
	case kindLZX:
		return lzxtest.Encode(data, bits, 300_000, 0, 1).Frames
	}
	for from := 0; from < len(data); from += blockSize {
		part := data[from:min(len(data), from+blockSize)]
		if m.kind&kindMask == kindStored {
			blocks = append(blocks, part)
			continue
		}
		buf := bytes.NewBufferString("CK")
		w, _ := flate.NewWriterDict(buf, flate.BestCompression, data[max(0, from-blockSize):from])
		w.Write(part)
		w.Close()
		blocks = append(blocks, buf.Bytes())
	}
	return blocks
}

// pseudo is data that compresses somewhat, the same each time.
func pseudo(n int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 5))
	var data []byte
	for len(data) < n {
		switch rng.IntN(4) {
		case 0:
			for range rng.IntN(100) {
				data = append(data, byte(rng.Uint32()))
			}
		case 1:
			data = append(data, 0xe8, byte(rng.Uint32()), byte(rng.IntN(4)), 0, 0)
		default:
			if len(data) > 0 {
				from := rng.IntN(len(data))
				data = append(data, data[from:min(len(data), from+rng.IntN(300))]...)
			}
		}
	}
	return string(data[:n])
}

// some are files with something of everything: one of several blocks, an empty one, one in a folder.
func some(kind uint16) made {
	return made{
		kind:     kind,
		names:    []string{"readme.txt", `folder\data.bin`, "empty", "last.txt"},
		contents: []string{"read me\n", pseudo(150_000, 1), "", "the last\n"},
	}
}
