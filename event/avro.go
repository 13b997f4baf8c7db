package event

import (
	"bytes"
	"fmt"
)

// Avro is how the reference keeps events in Kafka and how its Go plugins send and receive them: plain binary Avro, one record
// without container or schema id, or a bulk record of many events of one model. This is the codec of version 6; versions 4
// and 5 are read (protocol 2.6, appendix B). The layout is in docs/formats.md and, as code, in avro_decode.go and
// avro_encode.go, where each function names the fields of one record in their order.
//
// Avro has no null here, so it cannot tell absent from empty. What JSON can say and Avro cannot:
//
//   - offset 0 and size 0 of a feature: they come back as not given;
//   - the offset that a time was given in, and what is finer than a microsecond: a time comes back in UTC;
//   - a part of a delete that is there but empty, unless its action names it;
//   - retries and quotas above 2^63-1, which become that.
//
// The free JSON objects (info, metadata, the entity of a retrohunt) travel as the bytes of their text. Bad UTF-8 becomes
// U+FFFD, as in JSON. model_version is always written as ModelVersion, and is ModelVersion in what was read.

// EncodeAvro returns one event as the reference keeps it in Kafka. Errors name the field: a time outside of the years 1 to
// 9999, a runtime that is no number, a free object that is not JSON. No event that Decode returned has such a thing.
func EncodeAvro(ev Event) ([]byte, error) {
	w := avroWriter{b: make([]byte, 0, 2<<10)}
	w.event(ev)
	if w.err != nil {
		return nil, fmt.Errorf("encode a %s event as Avro: %w", ev.Model(), w.err)
	}
	return w.b, nil
}

// EncodeAvroBulk returns the bulk record of events, which must all be of the model. No events are legal.
func EncodeAvroBulk(model Model, events []Event) ([]byte, error) {
	encoded := make([][]byte, len(events))
	for i, ev := range events {
		if ev.Model() != model {
			return nil, fmt.Errorf("encode %s events as Avro: event %d is a %s event", model, i, ev.Model())
		}
		var err error
		if encoded[i], err = EncodeAvro(ev); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
	}
	return JoinAvro(encoded), nil
}

// JoinAvro makes the bulk record of events of one model that EncodeAvro made.
func JoinAvro(encoded [][]byte) []byte {
	size := 16
	for _, one := range encoded {
		size += len(one)
	}
	w := avroWriter{b: make([]byte, 0, size)}
	w.long(ModelVersion)
	if len(encoded) > 0 {
		w.long(int64(len(encoded)))
		for _, one := range encoded {
			w.b = append(w.b, one...)
		}
	}
	w.long(0)
	return w.b
}

// DecodeAvro reads one event. Errors name the field and the byte. It does not validate; what it returns can be encoded, as
// JSON and as Avro, and shares no memory with data. Of memory it takes at most some 50 times the size of data, whatever data
// claims, and usually twice.
func DecodeAvro(model Model, data []byte) (Event, error) {
	ev, err := empty(model)
	if err != nil {
		return nil, err
	}
	r := avroReader{data: data}
	version, _ := peekLong(data)
	r.layout = layoutOf(version)
	r.event(ev)
	r.end()
	if r.err != nil {
		return nil, fmt.Errorf("decode a %s event from Avro: %w", model, r.err)
	}
	return ev, nil
}

// DecodeAvroBulk reads a bulk record of at most MaxListEvents events. On an error it returns the events before the error, and
// last the one that the error is in as far as it was read; nobody can tell where the next begins.
func DecodeAvroBulk(model Model, data []byte) ([]Event, error) {
	if _, err := empty(model); err != nil {
		return nil, err
	}
	r := avroReader{data: data}
	events := r.bulk(model)
	r.end()
	if r.err != nil {
		return events, fmt.Errorf("decode %s events from Avro in the layout of version %d: %w", model, r.layout, r.err)
	}
	return events, nil
}

// DecodeRecord reads the value of a record in the log: JSON as lazuli writes it, or Avro as the reference does. An Avro record
// cannot begin with a brace, which would be a negative version.
func DecodeRecord(model Model, value []byte) (Event, error) {
	if IsJSONRecord(value) {
		return Decode(model, value)
	}
	return DecodeAvro(model, value)
}

// IsJSONRecord tells whether a record's value is JSON, in contrast to Avro. White space in front is not looked for: a line feed
// would be version 5 of Avro.
func IsJSONRecord(value []byte) bool { return bytes.HasPrefix(value, []byte("{")) }
