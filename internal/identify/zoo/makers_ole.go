package zoo

import (
	"encoding/binary"
	"time"
	"unicode/utf16"
)

// oleWithSummary makes a compound file with an empty stream and a summary in the small streams: header, allocation table, directory,
// small allocation table, small streams.
func oleWithSummary(stream string, summary []byte, class string) []byte {
	const sector, end = 512, 0xfffffffe
	small := append([]byte{}, summary...)
	for len(small)%sector != 0 {
		small = append(small, 0)
	}
	b := make([]byte, 4*sector+len(small))
	copy(b, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	le := binary.LittleEndian
	le.PutUint16(b[24:], 0x3e)
	le.PutUint16(b[26:], 3)
	le.PutUint16(b[28:], 0xfffe)
	le.PutUint16(b[30:], 9)
	le.PutUint16(b[32:], 6)
	put32(b, 44, 1)      // sectors of the table
	put32(b, 48, 1)      // the directory
	put32(b, 56, 4096)   // streams below this size are small
	put32(b, 60, 2)      // the small table
	put32(b, 64, 1)      // its sectors
	put32(b, 68, end)    // no more of the table than the header lists
	for i := range 109 { // which is its first sector
		put32(b, 76+4*i, 0xffffffff)
	}
	put32(b, 76, 0)
	table, directory, smallTable := b[sector:], b[2*sector:], b[3*sector:]
	for i := range sector / 4 {
		put32(table, 4*i, 0xffffffff)
		put32(smallTable, 4*i, 0xffffffff)
	}
	put32(table, 0, 0xfffffffd)
	put32(table, 4, end)
	put32(table, 8, end)
	for i := range len(small) / sector {
		put32(table, 12+4*i, uint32(4+i))
	}
	put32(table, 12+4*(len(small)/sector-1), end)
	for i := range len(small) / 64 {
		put32(smallTable, 4*i, uint32(i+1))
	}
	put32(smallTable, 4*(len(small)/64-1), end)
	copy(b[4*sector:], small)

	entry := func(i int, name string, kind byte, right, child, start, size uint32) {
		e := directory[128*i:]
		units := utf16.Encode([]rune(name))
		for i, u := range units {
			le.PutUint16(e[2*i:], u)
		}
		e[64], e[66], e[67] = byte(2*len(units)+2), kind, 1
		put32(e, 68, 0xffffffff)
		put32(e, 72, right)
		put32(e, 76, child)
		put32(e, 116, start)
		put32(e, 120, size)
	}
	const none = 0xffffffff
	entry(0, "Root Entry", 5, none, 1, 3, uint32(len(small)))
	copy(directory[80:96], class)
	entry(1, stream, 2, 2, none, end, 0)
	entry(2, "\x05SummaryInformation", 2, none, none, 0, uint32(len(summary)))
	return b
}

// summaryOf makes a summary of strings, numbers of 16 and 32 bits, times and durations.
func summaryOf(properties []any) []byte {
	le := binary.LittleEndian
	var index, values []byte
	count := len(properties) / 2
	for i := 0; i < len(properties); i += 2 {
		index = le.AppendUint32(index, uint32(properties[i].(int)))
		index = le.AppendUint32(index, uint32(8+8*count+len(values)))
		const second, until1970 = 10_000_000, 11_644_473_600
		switch v := properties[i+1].(type) {
		case int16:
			values = le.AppendUint32(le.AppendUint32(values, 2), uint32(uint16(v)))
		case int:
			values = le.AppendUint32(le.AppendUint32(values, 3), uint32(v))
		case string:
			values = le.AppendUint32(le.AppendUint32(values, 0x1e), uint32(len(v)+1))
			values = append(append(values, v...), 0)
			for len(values)%4 != 0 {
				values = append(values, 0)
			}
		case time.Time:
			values = le.AppendUint64(le.AppendUint32(values, 0x40), uint64(v.Unix()+until1970)*second)
		case time.Duration:
			values = le.AppendUint64(le.AppendUint32(values, 0x40), uint64(v.Seconds())*second)
		}
	}
	b := []byte{0xfe, 0xff, 0, 0, 10, 0, 2, 0}
	b = append(b, make([]byte, 16)...)
	b = le.AppendUint32(b, 1)
	b = append(b, "\xe0\x85\x9f\xf2\xf9\x4f\x68\x10\xab\x91\x08\x00\x2b\x27\xb3\xd9"...)
	b = le.AppendUint32(b, 48)
	b = le.AppendUint32(b, uint32(8+len(index)+len(values)))
	b = le.AppendUint32(b, uint32(count))
	return append(append(b, index...), values...)
}

func summaryZoo() []Sample {
	when := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
	text := []any{
		1, int16(1252), 2, "Invoice", 3, "Money", 4, "mallory", 8, "mallory", 9, "2", 18, "Microsoft Office Word", 10, 3 * time.Minute, 12, when, 13, when.Add(time.Hour),
		14, 1, 15, 20, 16, 118, 19, 0,
	}
	const said = "Composite Document File V2 Document, Little Endian, Os: Windows, Version 10.0"
	msi := []any{1, int16(1252), 2, "Installation Database", 4, "Mallory Ltd.", 7, "Intel;1033", 18, "Windows Installer XML", 19, 2}
	return []Sample{
		{"doc with summary", oleWithSummary("WordDocument", summaryOf(text), ""), Result{"document/office/word", "application/msword",
			said + ", Code page: 1252, Title: Invoice, Subject: Money, Author: mallory, Last Saved By: mallory, Revision Number: 2" +
				", Name of Creating Application: Microsoft Office Word, Total Editing Time: 03:00, Create Time/Date: Thu Mar  4 05:06:07 2021" +
				", Last Saved Time/Date: Thu Mar  4 06:06:07 2021, Number of Pages: 1, Number of Words: 20, Number of Characters: 118, Security: 0", ""}},
		{"msi with summary", oleWithSummary("Property", summaryOf(msi), "\x84"+msiClass), Result{"installer/windows", "application/x-msi",
			said + ", MSI Installer, Code page: 1252, Title: Installation Database, Author: Mallory Ltd., Template: Intel;1033" +
				", Name of Creating Application: Windows Installer XML, Security: 2", ""}},
	}
}
