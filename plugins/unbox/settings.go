package unbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lazuli/plugin"
)

// settingOfSubmission begins the names of settings that come with a submission: unbox_max_ratio is max_ratio for all that is in the file.
const settingOfSubmission = "unbox_"

// limitSetting is a limit that may be set.
type limitSetting struct {
	name, about string
	least, most int64
	get         func(*Limits) int64
	set         func(*Limits, int64)
}

// limit makes the setting of one field.
func limit[N int | int64](name, about string, least, most N, field func(*Limits) *N) limitSetting {
	return limitSetting{
		name, about, int64(least), int64(most),
		func(l *Limits) int64 { return int64(*field(l)) }, func(l *Limits, n int64) { *field(l) = N(n) },
	}
}

// limitSettings are all limits. None may be set to more than the kit lets through, or than a worker has memory for.
var limitSettings = []limitSetting{
	limit("max_depth", "levels of files in files: what lies deeper is not unpacked", 1, plugin.MaxDepth, func(l *Limits) *int { return &l.Depth }),
	limit("max_extracted_files", "entries of one archive that are listed and taken out", 1, plugin.MaxChildren, func(l *Limits) *int { return &l.Entries }),
	limit("max_total_bytes", "bytes that come out of one archive", 1, plugin.MaxSpoolBytes, func(l *Limits) *int64 { return &l.Total }),
	limit("max_file_bytes", "bytes of one file in it", 1, plugin.MaxSpoolBytes, func(l *Limits) *int64 { return &l.File }),
	limit("max_ratio", "bytes that come out for each byte of the archive", 1, 1<<20, func(l *Limits) *int64 { return &l.Ratio }),
	limit("max_ratio_from_bytes", "bytes that come out whatever the ratio is", 0, plugin.MaxSpoolBytes, func(l *Limits) *int64 { return &l.RatioFrom }),
	limit("max_name_bytes", "bytes of a name; longer ones are cut", 16, plugin.MaxValueLength, func(l *Limits) *int { return &l.Name }),
	limit("max_dictionary_bytes", "memory that one compression may refer back to", 1<<16, 512<<20, func(l *Limits) *int64 { return &l.Dictionary }),
	limit("max_passwords", "passwords that are tried on one archive; fewer where each takes long", 0, 100_000, func(l *Limits) *int { return &l.Passwords }),
	limit("max_seconds", "time for one archive", 1, 3600, func(l *Limits) *int { return &l.Seconds }),
}

// settingPasswords are the usual passwords, one a line.
const settingPasswords = "default_passwords"

// Settings implements plugin.Configurable.
func (p Plugin) Settings() []plugin.Setting {
	var list []plugin.Setting
	for _, s := range limitSettings {
		list = append(list, plugin.Setting{Name: s.name, Value: strconv.FormatInt(s.get(&p.limits), 10), Description: s.about})
	}
	return append(list, plugin.Setting{Name: settingPasswords, Value: strings.Join(p.passwords, "\n"), Description: "passwords that are tried first, one a line"})
}

// With implements plugin.Configurable.
func (p Plugin) With(name, value string) (plugin.Plugin, error) {
	if name == settingPasswords {
		p.passwords = strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' })
		return p, nil
	}
	i := slices.IndexFunc(limitSettings, func(s limitSetting) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no such setting")
	}
	return p, limitSettings[i].parse(&p.limits, value)
}

// parse sets the limit to what a text says.
func (s *limitSetting) parse(l *Limits, text string) error {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < s.least || n > s.most {
		return fmt.Errorf("%.40q must be a whole number from %d to %d", text, s.least, s.most)
	}
	s.set(l, n)
	return nil
}

// ofSubmission are the limits with those that a submission sets, and what is wrong with these. Time is the operator's: the job is cut off
// behind it.
func (l Limits) ofSubmission(settings map[string]string) (Limits, []string) {
	var wrong []string
	seconds := l.Seconds
	for i := range limitSettings {
		s := &limitSettings[i]
		text, given := settings[settingOfSubmission+s.name]
		if !given {
			continue
		}
		if err := s.parse(&l, text); err != nil {
			wrong = append(wrong, fmt.Sprintf("the submission's %s%s does not count: %v", settingOfSubmission, s.name, err))
		}
	}
	l.Seconds = min(l.Seconds, seconds)
	return l, wrong
}
