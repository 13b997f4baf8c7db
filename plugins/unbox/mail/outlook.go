package mail

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/cfb"
	"lazuli/plugins/unbox/tnef"
)

// Names of storages and streams (MS-OXMSG 2.1 and 2.2): a property's id and type follow the prefix of a stream.
const (
	attachment = "__attach_version1.0_"
	recipient  = "__recip_version1.0_"
	property   = "__substg1.0_"
	properties = "__properties_version1.0"
)

// Properties: MS-OXPROPS.
const (
	idSubject       = "0037"
	idSubmitted     = "0039"
	idSentForName   = "0042"
	idSentForAddr   = "0065"
	idHeaders       = "007D"
	idRecipientKind = "0C15"
	idSenderName    = "0C1A"
	idSenderAddr    = "0C1F"
	idDelivered     = "0E06"
	idBody          = "1000"
	idRTF           = "1009"
	idHTML          = "1013"
	idMessageID     = "1035"
	idReferences    = "1039"
	idInReplyTo     = "1042"
	idDisplayName   = "3001"
	idAddr          = "3003"
	idData          = "3701"
	idShortName     = "3704"
	idLongName      = "3707"
	idMIME          = "370E"
	idContentID     = "3712"
	idSMTP          = "39FE"
	idBodyPage      = "3FDE"
	idPage          = "3FFD"
	idSenderSMTP    = "5D01"
	idSentForSMTP   = "5D02"
	idHidden        = "7FFE"
)

// Types of properties: MS-OXCDATA 2.11.1.
const (
	typeUnicode = "001F"
	typeString  = "001E"
	typeBinary  = "0102"
)

const (
	mostText     = 16 << 10 // bytes of a property that is a name
	mostHeaders  = mostHeader
	mostBlock    = 64 << 10 // of properties of fixed size
	mostStorages = 5000
	mostAttached = 100 // messages in a message, of which the headers are read
	mostRTF      = 4 << 20
	windowsEpoch = 116444736000000000 // 1970 in steps of 100 ns since 1601
)

// WalkOutlook visits the text of a message and what is attached, also to messages in it.
func WalkOutlook(ctx context.Context, r io.ReaderAt, size int64, visit Visit) (*Report, error) {
	f, err := cfb.Open(ctx, r, size)
	if err != nil {
		return nil, err
	}
	o := &outlook{ctx: ctx, f: f, report: &Report{}, storages: map[string]*storage{}, visit: visit}
	o.collect()
	if !o.is {
		return nil, archive.ErrNotThis
	}
	if err := o.headers(); err != nil {
		return nil, err
	}
	for _, e := range f.Entries {
		if err := ctx.Err(); err != nil {
			return o.report, err
		}
		if e.Storage || !strings.HasPrefix(e.Name, property) {
			continue
		}
		if err := o.entry(e); err != nil {
			return o.report, err
		}
	}
	if f.Damage != nil {
		return o.report, f.Damage
	}
	return o.report, o.report.damage()
}

type outlook struct {
	ctx      context.Context
	f        *cfb.File
	visit    Visit
	report   *Report
	storages map[string]*storage
	order    []string // of storages
	is       bool
}

// storage is a message, a recipient or an attachment.
type storage struct {
	path    string
	within  []*storage            // recipients
	streams map[string]*cfb.Entry // by id and type
	fixed   *cfb.Entry            // properties of fixed size
	values  map[string]uint64     // these, by id
}

// collect sorts the streams by storages.
func (o *outlook) collect() {
	for _, e := range o.f.Entries {
		where := strings.Join(e.Path, "/")
		if e.Storage {
			continue
		}
		s := o.storages[where]
		if s == nil {
			if len(o.order) >= mostStorages {
				o.report.fault("there are too many storages")
				return
			}
			s = &storage{path: where, streams: map[string]*cfb.Entry{}}
			o.storages[where] = s
			o.order = append(o.order, where)
		}
		switch {
		case e.Name == properties:
			s.fixed, o.is = e, true
		case strings.HasPrefix(e.Name, property):
			key := strings.ToUpper(strings.TrimPrefix(e.Name, property))
			if _, have := s.streams[key]; !have {
				s.streams[key] = e
			}
		}
	}
}

// kind is the beginning of the name of a storage, which tells what it is; "" for a message.
func (s *storage) kind() string {
	for _, kind := range []string{attachment, recipient} {
		if strings.HasPrefix(s.path[strings.LastIndexByte(s.path, '/')+1:], kind) {
			return kind
		}
	}
	return ""
}

// read reads the beginning of a stream. Damage ends it; every other error is one.
func (o *outlook) read(e *cfb.Entry, most int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(o.f.Open(o.ctx, e), most))
	if errors.Is(err, archive.ErrDamaged) {
		err = nil
	}
	return raw, err
}

// text is a property that is text; "" if there is none.
func (o *outlook) text(s *storage, id string, most int64) (string, error) {
	if e := s.streams[id+typeUnicode]; e != nil {
		raw, err := o.read(e, most)
		return strings.TrimRight(utf16Text(raw), "\x00"), err
	}
	if e := s.streams[id+typeString]; e != nil {
		raw, err := o.read(e, most)
		return strings.TrimRight(archive.Text(raw, archive.CodePage(o.page(s))), "\x00"), err
	}
	return "", nil
}

// number is a property of fixed size.
func (o *outlook) number(s *storage, id string) (uint64, error) {
	if s.values == nil {
		s.values = map[string]uint64{}
		if s.fixed == nil {
			return 0, nil
		}
		block, err := o.read(s.fixed, mostBlock)
		if err != nil {
			s.values = nil
			return 0, err
		}
		for block = block[min(len(block), s.head()):]; len(block) >= 16; block = block[16:] {
			key := strings.ToUpper(strconv.FormatUint(0x10000|uint64(binary.LittleEndian.Uint16(block[2:])), 16)[1:])
			if _, have := s.values[key]; !have {
				s.values[key] = binary.LittleEndian.Uint64(block[8:])
			}
		}
	}
	return s.values[id], nil
}

// head is how many bytes precede the properties (MS-OXMSG 2.4.1).
func (s *storage) head() int {
	switch {
	case s.path == "":
		return 32
	case s.kind() != "":
		return 8
	}
	return 24
}

// page is the code page of a message's texts.
func (o *outlook) page(s *storage) uint32 {
	for where := s.path; ; where = up(where) {
		if s := o.storages[where]; s != nil {
			if n, err := o.number(s, idPage); err == nil && uint32(n) != 0 {
				return uint32(n)
			}
		}
		if where == "" {
			return 0
		}
	}
}

// up is the storage that another one is in.
func up(where string) string { return where[:max(0, strings.LastIndexByte(where, '/'))] }

// entry visits a property that is a text or the content of an attachment.
func (o *outlook) entry(e *cfb.Entry) error {
	id, kind := strings.ToUpper(strings.TrimPrefix(e.Name, property)), ""
	if len(id) == 8 {
		id, kind = id[:4], id[4:]
	}
	s := o.storages[strings.Join(e.Path, "/")]
	if s == nil {
		return nil
	}
	p := Part{Entry: archive.Entry{Size: e.Size}}
	switch s.kind() {
	case attachment:
		if id != idData || kind != typeBinary {
			return nil
		}
		return o.attached(s, p, e)
	case recipient:
		return nil
	}
	if id != idBody && id != idHTML && id != idRTF {
		return nil
	}
	return o.body(s, p, e, id, kind)
}

func (o *outlook) attached(s *storage, p Part, e *cfb.Entry) error {
	var cid string
	err := errors.Join(
		o.set(&p.Name, s, idLongName), o.set(&p.Name, s, idShortName), o.set(&p.Type, s, idMIME), o.set(&cid, s, idContentID),
	)
	hidden, failed := o.number(s, idHidden)
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	p.Type = strings.ToLower(p.Type)
	if p.Kind = Attachment; cid != "" || hidden&0xff != 0 {
		p.Kind = Inline
	}
	o.report.Parts++
	return o.visit(p, o.f.Open(o.ctx, e))
}

// set sets a text from a property, unless it has a value.
func (o *outlook) set(text *string, s *storage, id string) (err error) {
	if *text == "" {
		*text, err = o.text(s, id, mostText)
	}
	return err
}

func (o *outlook) body(s *storage, p Part, e *cfb.Entry, id, kind string) error {
	var content io.Reader = o.f.Open(o.ctx, e)
	p.Kind, p.Type = Body, "text/plain"
	page := o.page(s)
	if id == idHTML {
		p.Type = "text/html"
		if n, err := o.number(s, idBodyPage); err == nil && n != 0 {
			page = uint32(n)
		}
	}
	switch {
	case id == idRTF:
		raw, err := o.read(e, mostRTF)
		if err != nil {
			return err
		}
		p.Type = "application/rtf"
		inner, size, err := tnef.RTF(raw)
		if p.Size = size; err != nil {
			content = archive.Broken{Err: err}
			break
		}
		content = &archive.Content{R: inner, Size: size}
	case kind == typeUnicode:
		content, p.Size, p.Charset = &unicodeText{r: content}, 0, "utf-8"
	default:
		p.Charset = charset(page)
	}
	o.report.Parts++
	return o.visit(p, content)
}

// charset is the name of a code page; "" for none that would differ from what is assumed.
func charset(page uint32) string {
	switch {
	case page == 65001:
		return "utf-8"
	case page == 932:
		return "shift_jis"
	case page == 936:
		return "gbk"
	case page == 949:
		return "euc-kr"
	case page == 950:
		return "big5"
	case page == 866:
		return "ibm866"
	case page == 20866:
		return "koi8-r"
	case page == 21866:
		return "koi8-u"
	case page == 50220, page == 50221, page == 50222:
		return "iso-2022-jp"
	case page == 51932:
		return "euc-jp"
	case page == 54936:
		return "gb18030"
	case page > 28591 && page <= 28605:
		return "iso-8859-" + strconv.Itoa(int(page-28590))
	case page == 874 || page >= 1250 && page <= 1258:
		return "windows-" + strconv.Itoa(int(page))
	}
	return ""
}

// headers takes down what the message and those in it say of themselves.
func (o *outlook) headers() error {
	for _, where := range o.order {
		if s := o.storages[where]; s.kind() == recipient {
			if m := o.storages[up(where)]; m != nil {
				m.within = append(m.within, s)
			}
		}
	}
	for _, where := range o.order {
		s := o.storages[where]
		if s.fixed == nil || s.kind() != "" {
			continue
		}
		if len(o.report.Attached) >= mostAttached {
			o.report.fault("there are too many messages in it")
			break
		}
		h, err := o.header(s)
		if err != nil {
			return err
		}
		if where == "" {
			o.report.Header = h
		} else {
			o.report.Attached = append(o.report.Attached, h)
		}
	}
	return nil
}

// header is the header that a message came with, and what its properties say more.
func (o *outlook) header(s *storage) (Header, error) {
	var h Header
	came, err := o.text(s, idHeaders, mostHeaders)
	if err != nil {
		return nil, err
	}
	if came != "" {
		w := &walk{ctx: o.ctx, report: o.report, lines: newLines(o.ctx, strings.NewReader(came))}
		h = w.header()
	}
	add := func(name, value string) {
		if value != "" {
			h = append(h, Field{name, value})
		}
	}
	from, err := o.sender(s, idSentForName, idSentForSMTP, idSentForAddr)
	if err != nil {
		return nil, err
	}
	sender, err := o.sender(s, idSenderName, idSenderSMTP, idSenderAddr)
	if err != nil {
		return nil, err
	}
	if from == "" {
		from = sender
	}
	if h.Get("From") == "" {
		add("From", from)
	}
	if h.Get("Sender") == "" && sender != from {
		add("Sender", sender)
	}
	for _, text := range []struct{ field, id string }{
		{"Subject", idSubject}, {"Message-ID", idMessageID}, {"In-Reply-To", idInReplyTo}, {"References", idReferences},
	} {
		var value string
		if err := o.set(&value, s, text.id); err != nil {
			return nil, err
		}
		if h.Get(text.field) == "" {
			add(text.field, value)
		}
	}
	if h.Get("Date") == "" {
		date, err := o.date(s)
		if err != nil {
			return nil, err
		}
		add("Date", date)
	}
	to, err := o.recipients(s)
	return append(h, to...), err
}

// sender is an address that is in three properties, as a header has it.
func (o *outlook) sender(s *storage, name, smtp, addr string) (string, error) {
	var a Address
	err := errors.Join(o.set(&a.Name, s, name), o.set(&a.Addr, s, smtp), o.set(&a.Addr, s, addr))
	return a.field(), err
}

// field is the address as a header has it.
func (a Address) field() string {
	name := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Name)
	switch {
	case a.Addr == "" && name == "":
		return ""
	case a.Addr == "":
		return `"` + name + `"`
	case name == "":
		return "<" + a.Addr + ">"
	}
	return `"` + name + `" <` + a.Addr + ">"
}

const rfc5322 = "Mon, 02 Jan 2006 15:04:05"

// date is when a message was sent, or else delivered. -0000 says that nobody knows in which zone (RFC 5322 3.3).
func (o *outlook) date(s *storage) (string, error) {
	for _, id := range []string{idSubmitted, idDelivered} {
		n, err := o.number(s, id)
		if err != nil {
			return "", err
		}
		if n > windowsEpoch && n < 1<<62 {
			return time.Unix(0, 0).Add(time.Duration(n-windowsEpoch)/10*time.Microsecond).UTC().Format(rfc5322) + " -0000", nil
		}
	}
	return "", nil
}

// recipients are those of a message.
func (o *outlook) recipients(s *storage) (Header, error) {
	var h Header
	for _, r := range s.within {
		value, err := o.sender(r, idDisplayName, idSMTP, idAddr)
		if err != nil {
			return nil, err
		}
		kind, err := o.number(r, idRecipientKind)
		if err != nil {
			return nil, err
		}
		name := "To"
		switch uint32(kind) {
		case 2:
			name = "Cc"
		case 3:
			name = "Bcc"
		}
		if value != "" {
			h = append(h, Field{name, value})
		}
	}
	return h, nil
}

func utf16Text(raw []byte) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}

// unicodeText reads UTF-16 as UTF-8.
type unicodeText struct {
	r    io.Reader
	rest []byte
	err  error
}

func (u *unicodeText) Read(p []byte) (int, error) {
	if len(u.rest) == 0 && u.err == nil {
		var raw [4 << 10]byte
		n, err := io.ReadFull(u.r, raw[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		u.rest, u.err = []byte(utf16Text(raw[:n])), err
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	if n > 0 {
		return n, nil
	}
	return 0, u.err
}
