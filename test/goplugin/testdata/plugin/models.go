package main

import (
	"time"
)

// The names in JSON are those in Avro. Sizes are unsigned and become the eight bytes of a fixed, as in the reference.

type author struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Category string `json:"category"`
	Security string `json:"security"`
}

type head struct {
	ModelVersion int64     `json:"model_version"`
	KafkaKey     string    `json:"kafka_key"`
	Timestamp    time.Time `json:"timestamp"`
	Author       author    `json:"author"`
}

type node struct {
	Author       author            `json:"author"`
	Action       string            `json:"action"`
	SHA256       string            `json:"sha256"`
	Relationship map[string]string `json:"relationship"`
	Timestamp    time.Time         `json:"timestamp"`
	FormatLegacy string            `json:"file_format_legacy"`
	Format       string            `json:"file_format"`
	Size         uint64            `json:"size"`
	Filename     string            `json:"filename"`
	Language     string            `json:"language"`
}

type source struct {
	Name       string            `json:"name"`
	References map[string]string `json:"references"`
	Security   string            `json:"security"`
	Path       []node            `json:"path"`
	Timestamp  time.Time         `json:"timestamp"`
	Settings   map[string]string `json:"settings"`
}

type feature struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Type   string `json:"type"`
	Label  string `json:"label"`
	Size   uint64 `json:"size"`
	Offset uint64 `json:"offset"`
}

type stream struct {
	IdentifyVersion int64  `json:"identify_version"`
	Label           string `json:"label"`
	Size            uint64 `json:"size"`
	SHA512          string `json:"sha512"`
	SHA256          string `json:"sha256"`
	SHA1            string `json:"sha1"`
	MD5             string `json:"md5"`
	SSDeep          string `json:"ssdeep"`
	TLSH            string `json:"tlsh"`
	MIME            string `json:"mime"`
	Magic           string `json:"magic"`
	FormatLegacy    string `json:"file_format_legacy"`
	Format          string `json:"file_format"`
	Extension       string `json:"file_extension"`
	Language        string `json:"language"`
}

type entity struct {
	SHA256       string    `json:"sha256"`
	SHA512       string    `json:"sha512"`
	SHA1         string    `json:"sha1"`
	MD5          string    `json:"md5"`
	SSDeep       string    `json:"ssdeep"`
	TLSH         string    `json:"tlsh"`
	Size         uint64    `json:"size"`
	MIME         string    `json:"mime"`
	Magic        string    `json:"magic"`
	FormatLegacy string    `json:"file_format_legacy"`
	Format       string    `json:"file_format"`
	Extension    string    `json:"file_extension"`
	Info         free      `json:"info"`
	Features     []feature `json:"features"`
	Datastreams  []stream  `json:"datastreams"`
}

// free is a JSON object, as bytes in Avro; absent is no bytes.
type free []byte

func (f free) MarshalJSON() ([]byte, error) {
	if len(f) == 0 {
		return []byte("null"), nil
	}
	return f, nil
}

func (f *free) UnmarshalJSON(raw []byte) error {
	if string(raw) != "null" {
		*f = append(free(nil), raw...)
	}
	return nil
}

type flags struct {
	BypassCache bool `json:"bypass_cache"`
	Expedite    bool `json:"expedite"`
	Retry       bool `json:"retry"`
}

type binary struct {
	head
	Source      source   `json:"source"`
	Entity      entity   `json:"entity"`
	Action      string   `json:"action"`
	Dequeued    string   `json:"dequeued"`
	Retries     int64    `json:"retries"`
	Flags       flags    `json:"flags"`
	TrackSource string   `json:"track_source_references"`
	TrackLinks  []string `json:"track_links"`
	TrackAuthor []string `json:"track_authors"`
}

type status struct {
	head
	Entity struct {
		Input   binary   `json:"input"`
		Status  string   `json:"status"`
		Runtime float64  `json:"runtime"`
		Error   string   `json:"error"`
		Message string   `json:"message"`
		Results []binary `json:"results"`
	} `json:"entity"`
}

type declared struct {
	Name string   `json:"name"`
	Type string   `json:"type"`
	Desc string   `json:"desc"`
	Tags []string `json:"tags"`
}

type registration struct {
	head
	Entity struct {
		author
		Contact     string            `json:"contact"`
		Description string            `json:"description"`
		Features    []declared        `json:"features"`
		Config      map[string]string `json:"config"`
	} `json:"entity"`
}

type insert struct {
	head
	Entity struct {
		OriginalSource string `json:"original_source"`
		ParentSHA256   string `json:"parent_sha256"`
		Child          entity `json:"child"`
		ChildHistory   node   `json:"child_history"`
	} `json:"entity"`
	TrackLink   string `json:"track_link"`
	TrackAuthor string `json:"track_author"`
}

type deletion struct {
	head
	Entity struct {
		Reason     string `json:"reason"`
		Submission struct {
			TrackSource string    `json:"track_source_references"`
			Timestamp   time.Time `json:"timestamp"`
		} `json:"submission"`
		Author struct {
			TrackAuthor string    `json:"track_author"`
			Timestamp   time.Time `json:"timestamp"`
		} `json:"author"`
		Link struct {
			TrackLink string `json:"track_link"`
		} `json:"link"`
		IDs struct {
			IDs []string `json:"ids"`
		} `json:"ids"`
	} `json:"entity"`
	Action string `json:"action"`
}

type download struct {
	head
	Source source `json:"source"`
	Action string `json:"action"`
	Entity struct {
		Hash          string    `json:"hash"`
		DirectURL     string    `json:"direct_url"`
		DirectExpiry  time.Time `json:"direct_expiry"`
		PCAP          bool      `json:"pcap"`
		Category      string    `json:"category"`
		CategoryQuota int64     `json:"category_quota"`
		Metadata      free      `json:"metadata"`
	} `json:"entity"`
}

type retrohunt struct {
	head
	Entity free   `json:"entity"`
	Action string `json:"action"`
	Source struct {
		Submitter string    `json:"submitter"`
		Security  string    `json:"security"`
		Timestamp time.Time `json:"timestamp"`
	} `json:"source"`
}

// bulk is a bulk record of any model.
type bulk[T any] struct {
	ModelVersion int64 `json:"model_version"`
	Events       []T   `json:"events"`
}

// empty returns where an event of a model, or a bulk record of it, goes.
func empty(model string, inBulk bool) any {
	switch model {
	case "binary":
		return pick[binary](inBulk)
	case "status":
		return pick[status](inBulk)
	case "plugin":
		return pick[registration](inBulk)
	case "insert":
		return pick[insert](inBulk)
	case "delete":
		return pick[deletion](inBulk)
	case "download":
		return pick[download](inBulk)
	}
	return pick[retrohunt](inBulk)
}

func pick[T any](inBulk bool) any {
	if inBulk {
		return new(bulk[T])
	}
	return new(T)
}
