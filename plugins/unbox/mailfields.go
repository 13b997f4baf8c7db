package unbox

import (
	"fmt"
	netmail "net/mail"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugins/unbox/mail"
)

const (
	mostOfField = 200  // values of each feature
	mostOfValue = 1000 // characters
	attachedTo  = "attached message"
)

// mailFeatures are what a mail says of itself. Names are those of Azul's plugin for mails, where it has one.
var mailFeatures = []plugin.Feature{
	{Name: "ip_address", Type: event.String, Description: "public address that a mail came through; the label says by which field"},
	{Name: "mail_address", Type: event.String, Description: "address in a mail; the label is the field"},
	{Name: "mail_agent", Type: event.String, Description: "program that a mail was written with; the label is the field"},
	{Name: "mail_cc", Type: event.String, Description: "who gets a copy of a mail"},
	{Name: "mail_date", Type: event.Datetime, Description: "when a mail was written, as it says"},
	{Name: "mail_domain", Type: event.String, Description: "domain of an address in a mail; the label is the field"},
	{Name: "mail_extension_header", Type: event.String, Description: "name of a field that begins with X-"},
	{Name: "mail_extension_header_value", Type: event.String, Description: "value of such a field; the label is its name"},
	{Name: "mail_from", Type: event.String, Description: "who a mail says it is from"},
	{Name: "mail_message_id", Type: event.String, Description: "id of a mail; with a label: of one that the field refers to"},
	{Name: "mail_received", Type: event.String, Description: "what a server says of how it got a mail; the label counts from the sender"},
	{Name: "mail_subject", Type: event.String, Description: "subject of a mail"},
	{Name: "mail_timezone", Type: event.String, Description: "time zone of a mail's date"},
	{Name: "mail_to", Type: event.String, Description: "who a mail says it is to"},
	{Name: "mime_boundary", Type: event.String, Description: "what stands between the parts of a mail"},
	{Name: "mime_part_count", Type: event.Integer, Description: "number of a mail's parts, without those that consist of parts"},
	{Name: "mime_part_type", Type: event.String, Description: "MIME type that is stated for a part of a mail; the label is its name"},
	{Name: "mime_version", Type: event.String, Description: "version of MIME, as a mail says"},
	{Name: "uri", Type: event.URI, Description: "link in the body of a mail; the label says where it stands: text, script, style, comment, rtf, or the attribute"},
}

// mailFields are fields that have a feature. Others are told only if they begin with X-.
var mailFields = map[string]struct {
	name string // as labels have it
	tell func(t *mailTeller, name, value string)
}{
	"from": {"From", (*mailTeller).from}, "to": {"To", (*mailTeller).to}, "cc": {"Cc", (*mailTeller).cc}, "bcc": {"Bcc", (*mailTeller).address},
	"sender": {"Sender", (*mailTeller).address}, "reply-to": {"Reply-To", (*mailTeller).address}, "return-path": {"Return-Path", (*mailTeller).address},
	"errors-to": {"Errors-To", (*mailTeller).address}, "delivered-to": {"Delivered-To", (*mailTeller).address}, "envelope-to": {"Envelope-To", (*mailTeller).address},
	"disposition-notification-to": {"Disposition-Notification-To", (*mailTeller).address}, "resent-from": {"Resent-From", (*mailTeller).address},
	"resent-to": {"Resent-To", (*mailTeller).address}, "resent-sender": {"Resent-Sender", (*mailTeller).address}, "x-sender": {"X-Sender", (*mailTeller).address},
	"x-original-to": {"X-Original-To", (*mailTeller).address}, "x-original-from": {"X-Original-From", (*mailTeller).address}, "x-envelope-from": {"X-Envelope-From", (*mailTeller).address},
	"subject": {"Subject", (*mailTeller).subject}, "date": {"Date", (*mailTeller).date},
	"message-id": {"", (*mailTeller).id}, "in-reply-to": {"In-Reply-To", (*mailTeller).id}, "references": {"References", (*mailTeller).id},
	"x-mailer": {"X-Mailer", (*mailTeller).agent}, "user-agent": {"User-Agent", (*mailTeller).agent}, "x-php-originating-script": {"X-PHP-Originating-Script", (*mailTeller).agent},
	"received": {"Received", (*mailTeller).received}, "mime-version": {"", (*mailTeller).version},
	"x-originating-ip": {"X-Originating-IP", (*mailTeller).addressOfIP}, "x-sender-ip": {"X-Sender-IP", (*mailTeller).addressOfIP}, "x-client-ip": {"X-Client-IP", (*mailTeller).addressOfIP},
}

// mailTeller makes features of fields.
type mailTeller struct {
	box    *box
	within string         // "" for the mail itself
	hops   int            // fields Received that are to come
	count  map[string]int // by feature
	known  map[[3]string]bool
	failed error
}

// tellMail records what the report says of the mail.
func (b *box) tellMail(report *mail.Report) error {
	t := &mailTeller{box: b, count: map[string]int{}, known: map[[3]string]bool{}}
	t.header(report.Header)
	for _, boundary := range report.Boundaries {
		t.set("mime_boundary", boundary, "")
	}
	for _, odd := range report.Odd {
		t.set("suspicious", odd, "")
	}
	t.within = attachedTo
	for _, h := range report.Attached {
		t.header(h)
	}
	if t.failed != nil {
		return t.failed
	}
	return b.job.Feature("mime_part_count", report.Parts)
}

func (t *mailTeller) header(h mail.Header) {
	t.hops = 0
	for _, f := range h {
		if strings.EqualFold(f.Name, "Received") {
			t.hops++
		}
	}
	for _, f := range h {
		lower := strings.ToLower(f.Name)
		if field, known := mailFields[lower]; known {
			field.tell(t, field.name, f.Value)
		}
		if strings.HasPrefix(lower, "x-") {
			t.set("mail_extension_header", f.Name, "")
			t.set("mail_extension_header_value", mail.Text(f.Value), f.Name)
		}
	}
}

// set records a value, unless there are enough of the feature.
func (t *mailTeller) set(feature, value, label string) {
	value = clipped(value)
	if t.within != "" && label != "" {
		label += ", "
	}
	label += t.within
	key := [3]string{feature, value, label}
	if value == "" || t.known[key] || t.failed != nil {
		return
	}
	if t.count[feature]++; t.count[feature] > mostOfField {
		t.box.notes.left(fmt.Sprintf("more than %d values of %s", mostOfField, feature))
		return
	}
	t.known[key] = true
	t.failed = t.box.job.Feature(feature, value, labelled(label)...)
}

func labelled(label string) []plugin.FeatureOption {
	if label == "" {
		return nil
	}
	return []plugin.FeatureOption{plugin.Label(label)}
}

// clipped is the beginning of a long value.
func clipped(value string) string {
	n := 0
	for i := range value {
		if n++; n > mostOfValue {
			return value[:i] + "…"
		}
	}
	return value
}

func (t *mailTeller) from(name, value string)    { t.addresses(name, value, "mail_from") }
func (t *mailTeller) to(name, value string)      { t.addresses(name, value, "mail_to") }
func (t *mailTeller) cc(name, value string)      { t.addresses(name, value, "mail_cc") }
func (t *mailTeller) address(name, value string) { t.addresses(name, value, "") }

func (t *mailTeller) addresses(name, value, feature string) {
	list, more := mail.Addresses(value, mostOfField)
	if more {
		t.box.notes.left(fmt.Sprintf("more than %d addresses in %s", mostOfField, name))
	}
	for _, a := range list {
		if feature != "" {
			t.set(feature, a.String(), "")
		}
		t.set("mail_address", a.Addr, name)
		t.set("mail_domain", a.Domain(), name)
	}
}

func (t *mailTeller) subject(_, value string)  { t.set("mail_subject", mail.Text(value), "") }
func (t *mailTeller) version(_, value string)  { t.set("mime_version", mail.Text(value), "") }
func (t *mailTeller) agent(name, value string) { t.set("mail_agent", mail.Text(value), name) }
func (t *mailTeller) id(name, value string) {
	for word := range strings.FieldsFuncSeq(mail.Text(value), func(r rune) bool { return r == ' ' || r == '<' || r == '>' || r == ',' }) {
		t.set("mail_message_id", word, name)
	}
}

// received has the last hop first.
func (t *mailTeller) received(name, value string) {
	label := strconv.Itoa(t.hops)
	t.hops--
	text := strings.Join(strings.Fields(mail.Text(value)), " ")
	t.set("mail_received", text, label)
	t.addressOfIP(name+" "+label, text)
}

// bracketed are addresses in brackets, as servers write them: a number with dots may also be a version.
var bracketed = regexp.MustCompile(`(?:^|[\[(])(?:IPv6:)?([0-9A-Fa-f:.]{3,45})(?:$|[\])])`)

func (t *mailTeller) addressOfIP(name, value string) {
	for _, m := range bracketed.FindAllStringSubmatch(strings.TrimSpace(value), -1) {
		if ip, err := netip.ParseAddr(m[1]); err == nil && ip.IsGlobalUnicast() && !ip.IsPrivate() {
			t.set("ip_address", ip.Unmap().String(), name)
		}
	}
}

// dates are forms that are no longer allowed, or never were.
var dates = []string{
	"2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05", "2 Jan 2006 15:04 -0700", "2 January 2006 15:04:05 -0700", "Jan 2 15:04:05 2006", "Jan 2 15:04:05 MST 2006",
	"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
}

var weekday = regexp.MustCompile(`^[A-Za-z]{3,9}\.?,?\s+`)

// mailDate reads a date.
func mailDate(value string) (time.Time, bool) {
	value = strings.TrimSpace(value)
	if date, err := netmail.ParseDate(value); err == nil {
		return date, true
	}
	value, _, _ = strings.Cut(value, "(")
	value = strings.Join(strings.Fields(value), " ")
	for _, text := range []string{value, weekday.ReplaceAllString(value, "")} {
		for _, form := range dates {
			if date, err := time.Parse(form, text); err == nil {
				return date, true
			}
		}
	}
	return time.Time{}, false
}

func (t *mailTeller) date(_, value string) {
	value = mail.Text(value)
	date, is := mailDate(value)
	if !is || t.failed != nil {
		return
	}
	if year := date.UTC().Year(); year < 1 || year > 9999 {
		return
	}
	if t.count["mail_date"]++; t.count["mail_date"] > mostOfField {
		return
	}
	t.failed = t.box.job.Feature("mail_date", date, labelled(t.within)...)
	if !strings.Contains(value, "-0000") { // RFC 5322 3.3: nobody knows the zone
		t.set("mail_timezone", date.Format("-0700"), "")
	}
}
