package dispatcher

import (
	"encoding/json"
	"errors"

	"lazuli/event"
)

// Go plugins of the reference speak Avro: they post bulk records and ask for them (protocol 1.3, 1.4). The log keeps JSON; a
// log that the reference writes too has records in Avro. Either is handed out in the form that the poll asks for.

// posted is one event of a request to publish: its JSON, or what its Avro said.
type posted struct {
	raw json.RawMessage
	ev  event.Event
}

// readPosted splits the body of a request. A list without events is an error.
func (d *Dispatcher) readPosted(model event.Model, body []byte, avro bool) ([]posted, error) {
	var list []posted
	if avro {
		events, err := event.DecodeAvroBulk(model, body)
		if err != nil && !d.salvageLast(events, err) {
			return nil, err
		}
		for _, ev := range events {
			list = append(list, posted{ev: ev})
		}
	} else {
		raws, err := event.DecodeList(model, body)
		if err != nil {
			return nil, err
		}
		for _, raw := range raws {
			list = append(list, posted{raw: raw})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("there is no event in the list")
	}
	return list, nil
}

// salvageLast makes an error-output of the status that cause is in, if what was read of it names its job and author. What
// comes behind it is lost: nobody can tell where it begins, and its jobs run again when their leases end.
func (d *Dispatcher) salvageLast(events []event.Event, cause error) bool {
	if len(events) == 0 {
		return false
	}
	status, ok := events[len(events)-1].(*event.Status)
	if !ok || status.Author.Name == "" || status.Entity.Input.Dequeued == "" {
		return false
	}
	failOutput(status, cause)
	return true
}

func (p *posted) decode(model event.Model) (event.Event, error) {
	if p.ev != nil {
		return p.ev, nil
	}
	return event.Decode(model, p.raw)
}

// text is the event as failures tell it: JSON.
func (p *posted) text() string {
	if p.ev == nil {
		return string(p.raw)
	}
	raw, err := event.AppendJSON(nil, p.ev)
	if err != nil {
		return "" // what was decoded can be encoded
	}
	return string(raw)
}

// handOut makes what a client is given of a record: JSON, or Avro for a bulk record. id is the job's, empty for none.
func handOut(model event.Model, value []byte, id string, avro bool) ([]byte, error) {
	if !avro && event.IsJSONRecord(value) {
		if id == "" {
			return value, nil
		}
		return spliceDequeued(value, id), nil
	}
	ev, err := event.DecodeRecord(model, value)
	if err != nil {
		return nil, err
	}
	if b, ok := ev.(*event.Binary); ok && id != "" {
		b.Dequeued = id
	}
	if avro {
		return event.EncodeAvro(ev)
	}
	return event.AppendJSON(nil, ev)
}
