package event

import "encoding/json"

// Strict readers refuse a whole batch for one null (protocol, Essentials 1). encoding/json writes null for a nil slice and
// passes raw JSON on as it is, so the few types that hold such a thing write themselves.

// MarshalJSON writes a list, [] for nil.
func (p Path) MarshalJSON() ([]byte, error) {
	if len(p) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal([]PathNode(p))
}

// MarshalJSON leaves info out if it is no object.
func (e Entity) MarshalJSON() ([]byte, error) {
	type plain Entity
	e.Info = writtenObject(e.Info)
	return json.Marshal((*plain)(&e))
}

// MarshalJSON leaves metadata out if it is no object.
func (e DownloadEntity) MarshalJSON() ([]byte, error) {
	type plain DownloadEntity
	e.Metadata = writtenObject(e.Metadata)
	return json.Marshal((*plain)(&e))
}

// MarshalJSON leaves the entity out if it is no object.
func (r Retrohunt) MarshalJSON() ([]byte, error) {
	type plain Retrohunt
	r.Entity = writtenObject(r.Entity)
	return json.Marshal((*plain)(&r))
}

// MarshalJSON writes an empty list for nil.
func (d DeleteIDs) MarshalJSON() ([]byte, error) {
	type plain DeleteIDs
	if d.IDs == nil {
		d.IDs = []string{}
	}
	return json.Marshal((*plain)(&d))
}
