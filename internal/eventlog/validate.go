package eventlog

import "fmt"

// maxNameBytes bounds the names of topics and groups. Kafka takes topics of up to 249.
const maxNameBytes = 249

// Validate returns nil, or an error that wraps ErrInvalid. A topic's name is 1 to 249 of a-z A-Z 0-9 . _ - and neither
// "." nor "..", as Kafka has it, so that every topic fits every Log.
func (t Topic) Validate() error {
	if len(t.Name) == 0 || len(t.Name) > maxNameBytes || t.Name == "." || t.Name == ".." {
		return fmt.Errorf("%w: topic %q needs a name of 1 to %d bytes", ErrInvalid, t.Name, maxNameBytes)
	}
	for _, c := range []byte(t.Name) {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
		if !plain {
			return fmt.Errorf("%w: topic %q may hold letters, digits, dots, dashes and underscores only", ErrInvalid, t.Name)
		}
	}
	if t.Partitions < 1 || t.Partitions > maxPartitions {
		return fmt.Errorf("%w: topic %s with %d partitions: it must be 1 to %d", ErrInvalid, t.Name, t.Partitions, maxPartitions)
	}
	if t.Retention < 0 {
		return fmt.Errorf("%w: topic %s with a negative retention", ErrInvalid, t.Name)
	}
	return nil
}

// maxPartitions keeps a slip of the pen from filling memory with bounds.
const maxPartitions = 10_000

// Size is what a record counts against limits: the bytes of key, header and value.
func (r *Record) Size() int { return len(r.Key) + len(r.Header) + len(r.Value) }

// CheckGroup returns nil for a name that a group may have: 1 to maxGroupBytes bytes, none of them 0.
func CheckGroup(name string) error {
	if len(name) == 0 || len(name) > maxGroupBytes {
		return fmt.Errorf("%w: a group needs a name of 1 to %d bytes", ErrInvalid, maxGroupBytes)
	}
	for i := range len(name) {
		if name[i] == 0 {
			return fmt.Errorf("%w: group %q has a zero byte in its name", ErrInvalid, name)
		}
	}
	return nil
}

// maxGroupBytes is what Kafka's protocol allows for a string.
const maxGroupBytes = 1<<15 - 1
