package mail

import "strings"

// Address is one of a mail: whose it is, and where it goes to. Either may be empty.
type Address struct{ Name, Addr string }

// String is the address as a mail has it: Name <name@example.org>.
func (a Address) String() string {
	switch {
	case a.Name == "":
		return a.Addr
	case a.Addr == "":
		return a.Name
	}
	return a.Name + " <" + a.Addr + ">"
}

// Domain is what follows the last @, in lower case; "" if there is nothing like it.
func (a Address) Domain() string {
	at := strings.LastIndexByte(a.Addr, '@')
	if at < 0 || strings.ContainsAny(a.Addr[at:], " \t/\\") {
		return ""
	}
	return strings.ToLower(strings.Trim(a.Addr[at+1:], ".[]"))
}

// Addresses takes a field with addresses apart (RFC 5322 3.4), at most so many. Names of groups are left out, comments are names where there
// is no other.
func Addresses(value string, most int) (list []Address, more bool) {
	var word, comment strings.Builder
	addr, angle := "", false
	flush := func() {
		if word.Len()+comment.Len()+len(addr) == 0 {
			angle = false
			return
		}
		a := Address{Name: Text(word.String()), Addr: strings.TrimSpace(Text(addr))}
		if !angle {
			if a.Name, a.Addr = "", a.Name; !strings.Contains(a.Addr, "@") {
				a.Name, a.Addr = a.Addr, ""
			}
		}
		if a.Name == "" {
			a.Name = Text(comment.String())
		}
		if a.Name == a.Addr {
			a.Name = ""
		}
		if a.Addr != "" || a.Name != "" {
			if more = len(list) >= most; !more {
				list = append(list, a)
			}
		}
		word.Reset()
		comment.Reset()
		addr, angle = "", false
	}
	for value != "" && !more {
		c := value[0]
		switch c {
		case '"':
			var text string
			text, value = unquote(value)
			word.WriteString(text)
			continue
		case '(':
			var text string
			text, value = commentIn(value)
			comment.WriteString(text)
			continue
		case '<':
			angle = true
			addr, value = upTo(value[1:], ">")
			value = strings.TrimPrefix(value, ">")
			continue
		case ',', ';':
			flush()
		case ':': // of a group, unless it is in an address, where it does not belong
			if !strings.Contains(word.String(), "@") {
				word.Reset()
			}
		default:
			word.WriteByte(c)
		}
		value = value[1:]
	}
	if !more {
		flush()
	}
	return list, more
}

// commentIn is the content of the comment that text begins with, and what follows it.
func commentIn(text string) (comment, rest string) {
	depth := 0
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '(':
			if depth++; depth > 1 {
				b.WriteByte(c)
			}
		case c == ')':
			if depth--; depth == 0 {
				return b.String(), text[i+1:]
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
