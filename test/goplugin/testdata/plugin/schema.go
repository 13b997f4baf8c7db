package main

import (
	"encoding/json"
	"fmt"

	"github.com/hamba/avro/v2"
)

// The schemas of the reference, written from the description of its protocol (appendix B) and not from our codec.

// definer writes the schemas of one version. A named type is defined where it is met first and named after that.
type definer struct {
	version int
	defined map[string]bool
}

// parse returns the schema of a model's event, or of its bulk record.
func parse(model string, version int, bulk bool) (avro.Schema, error) {
	d := &definer{version, map[string]bool{}}
	schema := d.event(model)
	if bulk {
		fields := []field{{"events", list(schema)}}
		if version >= 5 {
			fields = append([]field{{"model_version", "long"}}, fields...)
		}
		schema = d.record("Bulk", fields...)
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	return avro.ParseWithCache(string(text), "", &avro.SchemaCache{})
}

type field struct {
	Name string `json:"name"`
	Type any    `json:"type"`
}

func (d *definer) record(name string, fields ...field) any {
	return map[string]any{"type": "record", "name": name, "fields": fields}
}

// named defines a type once.
func (d *definer) named(name string, define func() any) any {
	if d.defined[name] {
		return name
	}
	d.defined[name] = true
	return define()
}

func list(items any) any { return map[string]any{"type": "array", "items": items} }

var (
	pairs  = map[string]any{"type": "map", "values": "string"}
	moment = map[string]any{"type": "long", "logicalType": "timestamp-micros"}
)

func (d *definer) size() any {
	return d.named("Size", func() any { return map[string]any{"type": "fixed", "name": "Size", "size": 8} })
}

// strings are fields that are text.
func strings(names ...string) []field {
	var fields []field
	for _, name := range names {
		fields = append(fields, field{name, "string"})
	}
	return fields
}

// format is the file's format, and in old versions its older name in front.
func (d *definer) format() []field {
	if d.version < 6 {
		return strings("file_format_legacy", "file_format")
	}
	return strings("file_format")
}

func join(parts ...[]field) []field {
	var fields []field
	for _, part := range parts {
		fields = append(fields, part...)
	}
	return fields
}

func one(name string, kind any) []field { return []field{{name, kind}} }

func (d *definer) author() any {
	return d.named("Author", func() any { return d.record("Author", strings("name", "version", "category", "security")...) })
}

func (d *definer) node() any {
	return d.named("Node", func() any {
		return d.record("Node", join(one("author", d.author()), strings("action", "sha256"), one("relationship", pairs),
			one("timestamp", moment), d.format(), one("size", d.size()), strings("filename", "language"))...)
	})
}

func (d *definer) source() any {
	return d.named("Source", func() any {
		fields := join(strings("name"), one("references", pairs), strings("security"), one("path", list(d.node())), one("timestamp", moment))
		if d.version >= 5 {
			fields = append(fields, field{"settings", pairs})
		}
		return d.record("Source", fields...)
	})
}

func (d *definer) entity() any {
	return d.named("Entity", func() any {
		feature := func() any {
			return d.record("Feature", join(strings("name", "value", "type", "label"), one("size", d.size()), one("offset", d.size()))...)
		}
		stream := func() any {
			return d.record("Stream", join(one("identify_version", "long"), strings("label"), one("size", d.size()),
				strings("sha512", "sha256", "sha1", "md5", "ssdeep", "tlsh", "mime", "magic"), d.format(), strings("file_extension", "language"))...)
		}
		return d.record("Entity", join(strings("sha256", "sha512", "sha1", "md5", "ssdeep", "tlsh"), one("size", d.size()),
			strings("mime", "magic"), d.format(), strings("file_extension"), one("info", "bytes"),
			one("features", list(feature())), one("datastreams", list(stream())))...)
	})
}

func (d *definer) head() []field {
	return join(one("model_version", "long"), strings("kafka_key"), one("timestamp", moment), one("author", d.author()))
}

func (d *definer) event(model string) any {
	switch model {
	case "binary":
		return d.named("Binary", func() any {
			flags := d.record("Flags", field{"bypass_cache", "boolean"}, field{"expedite", "boolean"}, field{"retry", "boolean"})
			return d.record("Binary", join(d.head(), one("source", d.source()), one("entity", d.entity()), strings("action", "dequeued"),
				one("retries", "long"), one("flags", flags), strings("track_source_references"),
				one("track_links", list("string")), one("track_authors", list("string")))...)
		})
	case "status":
		head := d.head()
		input := d.event("binary")
		return d.record("Status", join(head, one("entity", d.record("StatusEntity", join(one("input", input), strings("status"),
			one("runtime", "double"), strings("error", "message"), one("results", list(d.event("binary"))))...)))...)
	case "plugin":
		declared := d.record("Declared", join(strings("name", "type", "desc"), one("tags", list("string")))...)
		return d.record("Plugin", join(d.head(), one("entity", d.record("PluginEntity", join(
			strings("name", "version", "category", "contact", "description"), one("features", list(declared)), strings("security"),
			one("config", pairs))...)))...)
	case "insert":
		head := d.head()
		return d.record("Insert", join(head, one("entity", d.record("InsertEntity", join(strings("original_source", "parent_sha256"),
			one("child", d.entity()), one("child_history", d.node()))...)), strings("track_link", "track_author"))...)
	case "delete":
		part := func(name string, fields ...field) field { return field{name, d.record("Delete_"+name, fields...)} }
		return d.record("Delete", join(d.head(), one("entity", d.record("DeleteEntity", field{"reason", "string"},
			part("submission", field{"track_source_references", "string"}, field{"timestamp", moment}),
			part("author", field{"track_author", "string"}, field{"timestamp", moment}),
			part("link", field{"track_link", "string"}), part("ids", field{"ids", list("string")}))), strings("action"))...)
	case "download":
		return d.record("Download", join(d.head(), one("source", d.source()), strings("action"),
			one("entity", d.record("DownloadEntity", join(strings("hash", "direct_url"), one("direct_expiry", moment), one("pcap", "boolean"),
				strings("category"), one("category_quota", "long"), one("metadata", "bytes"))...)))...)
	case "retrohunt":
		return d.record("Retrohunt", join(d.head(), one("entity", "bytes"), strings("action"),
			one("source", d.record("Hunter", join(strings("submitter", "security"), one("timestamp", moment))...)))...)
	}
	panic(fmt.Sprintf("no model %q", model))
}
