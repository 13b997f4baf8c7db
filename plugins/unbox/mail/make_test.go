package mail

import (
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf16"

	"lazuli/plugins/unbox/cfb/cfbtest"
)

func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

// sample is a mail with all there may be.
var sample = []byte(crlf(
	"Return-Path: <bounce@evil.example>",
	"Received: from relay.example (relay.example [198.51.100.7])",
	"\tby mx.example.org with ESMTP; Mon, 30 Nov 2026 09:00:02 +0000",
	"Received: from [203.0.113.9] (helo=laptop) by relay.example; Mon, 30 Nov 2026 10:00:01 +0100",
	`From: =?utf-8?Q?J=C3=BCrgen_?= =?utf-8?B?TcO8bGxlcg==?= <boss@example.org>`,
	`To: "Doe, Jane" <jane@example.org>, bob@example.org (Bob)`,
	"Subject: =?koi8-r?B?8NLJ18XU?=, hello",
	"Date: Mon, 30 Nov 2026 10:00:00 +0100",
	"Message-ID: <1@evil.example>",
	"MIME-Version: 1.0",
	`Content-Type: multipart/mixed; boundary="outer"`,
	"",
	"a preface",
	"--outer",
	`Content-Type: multipart/alternative; boundary="inner"`,
	"",
	"--inner",
	"Content-Type: text/plain; charset=koi8-r",
	"Content-Transfer-Encoding: quoted-printable",
	"",
	"=F0=D2=C9=D7=C5=D4=",
	"!",
	"--inner",
	"Content-Type: text/html; charset=utf-8",
	"",
	"<a href=\"http://evil.example/a?b=1&amp;c=2\">hello</a>",
	"--inner--",
	"",
	"--outer",
	"Content-Type: image/png",
	"Content-ID: <logo>",
	"Content-Transfer-Encoding: base64",
	"",
	"iVBORw==",
	"--outer",
	"Content-Type: application/zip; name*0*=utf-8''r%C3%A9; name*1=\"port.zip\"",
	"Content-Disposition: attachment",
	"Content-Transfer-Encoding: base64",
	"",
	"UEsDBA==",
	"--outer",
	"Content-Type: message/rfc822",
	"",
	"Subject: inner",
	"",
	"inner text",
	"--outer--",
))

func wide(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// prop is a property of fixed size.
type prop struct {
	id    uint16
	value uint64
}

// block is a stream of such properties behind so many other bytes.
func block(head int, props ...prop) string {
	b := make([]byte, head)
	for _, p := range props {
		b = binary.LittleEndian.AppendUint16(b, 3)
		b = binary.LittleEndian.AppendUint16(b, p.id)
		b = binary.LittleEndian.AppendUint32(b, 6)
		b = binary.LittleEndian.AppendUint64(b, p.value)
	}
	return string(b)
}

func fileTime(t time.Time) uint64 { return uint64(t.Unix()*1e7 + windowsEpoch) }

// outlookSample is a message of Outlook with all there may be.
func outlookSample() []byte {
	sent := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	return cfbtest.Make([16]byte{}, []cfbtest.Stream{
		{Name: properties, Content: block(32, prop{0x39, fileTime(sent)}, prop{0x3ffd, 1251}, prop{0x3fde, 65001})},
		{Name: property + idSubject + typeString, Content: "\xcf\xf0\xe8\xe2\xe5\xf2"},
		{Name: property + idSenderName + typeUnicode, Content: wide(`The "Boss"`)},
		{Name: property + idSenderSMTP + typeUnicode, Content: wide("boss@example.org")},
		{Name: property + idMessageID + typeUnicode, Content: wide("<1@evil.example>")},
		{Name: property + idBody + typeUnicode, Content: wide("see http://evil.example/é")},
		{Name: property + idHTML + typeBinary, Content: "<a href='http://evil.example/a'>é</a>"},
		{Name: recipient + "#00000000/" + properties, Content: block(8, prop{0xc15, 1})},
		{Name: recipient + "#00000000/" + property + idDisplayName + typeUnicode, Content: wide("Jane")},
		{Name: recipient + "#00000000/" + property + idSMTP + typeUnicode, Content: wide("jane@example.org")},
		{Name: recipient + "#00000001/" + properties, Content: block(8, prop{0xc15, 2})},
		{Name: recipient + "#00000001/" + property + idAddr + typeUnicode, Content: wide("bob@example.org")},
		{Name: attachment + "#00000000/" + properties, Content: block(8, prop{0x7ffe, 1})},
		{Name: attachment + "#00000000/" + property + idData + typeBinary, Content: "\x89PNG"},
		{Name: attachment + "#00000000/" + property + idLongName + typeUnicode, Content: wide("logo.png")},
		{Name: attachment + "#00000000/" + property + idMIME + typeUnicode, Content: wide("image/PNG")},
		{Name: attachment + "#00000001/" + properties, Content: block(8)},
		{Name: attachment + "#00000001/" + property + idData + typeBinary, Content: "PK\x03\x04"},
		{Name: attachment + "#00000001/" + property + idShortName + typeString, Content: "A.ZIP"},
		{Name: attachment + "#00000002/" + properties, Content: block(8)},
		{Name: attachment + "#00000002/" + property + idData + "000D/" + properties, Content: block(24, prop{0x39, fileTime(sent)})},
		{Name: attachment + "#00000002/" + property + idData + "000D/" + property + idSubject + typeUnicode, Content: wide("inner")},
		{Name: attachment + "#00000002/" + property + idData + "000D/" + property + idBody + typeUnicode, Content: wide("inner text")},
	})
}
