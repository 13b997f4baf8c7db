package azul

import (
	"strconv"
	"strings"

	"lazuli/internal/index"
)

// featureParts is what a feature's value is made of, as far as it can be searched for.
type featureParts struct {
	Integer      string   `json:"integer,omitempty"`
	Float        string   `json:"float,omitempty"`
	Datetime     string   `json:"datetime,omitempty"`
	BinaryString string   `json:"binary_string,omitempty"`
	Scheme       string   `json:"scheme,omitempty"`
	Netloc       string   `json:"netloc,omitempty"`
	Filepath     string   `json:"filepath,omitempty"`
	Params       string   `json:"params,omitempty"`
	Query        string   `json:"query,omitempty"`
	Fragment     string   `json:"fragment,omitempty"`
	Username     string   `json:"username,omitempty"`
	Password     string   `json:"password,omitempty"`
	Hostname     string   `json:"hostname,omitempty"`
	IP           string   `json:"ip,omitempty"`
	Port         int      `json:"port,omitempty"`
	Unix         []string `json:"filepath_unix,omitempty"`  // folders that the path lies in, the outermost first
	UnixReverse  []string `json:"filepath_unixr,omitempty"` // what it ends with, the shortest first
}

// partsOf returns the parts of a value, or nil if it has none.
func partsOf(kind, value string) *featureParts {
	found := index.PartsOf(kind, value)
	if len(found) == 0 {
		return nil
	}
	part := func(name string) string { return found[enrichedPrefix+name] }
	p := &featureParts{Integer: part("integer"), Float: part("float"), Datetime: part("datetime"), BinaryString: part("binary_string"), Scheme: part("scheme"),
		Netloc: part("netloc"), Filepath: part("filepath"), Params: part("params"), Query: part("query"), Fragment: part("fragment"), Username: part("username"),
		Password: part("password"), Hostname: part("hostname"), IP: part("ip")}
	p.Port, _ = strconv.Atoi(part("port")) // of a value without one it is 0, which is left out
	p.Unix, p.UnixReverse = pathTree(p.Filepath)
	return p
}

const (
	enrichedPrefix = "features.enriched."
	maxTreeParts   = 5
)

// pathTree returns up to five beginnings and up to five ends of a path.
func pathTree(path string) (beginnings, ends []string) {
	path = strings.TrimRight(path, "/")
	rest := strings.TrimLeft(path, "/")
	if rest == "" {
		return nil, nil
	}
	root := path[:len(path)-len(rest)]
	parts := strings.Split(rest, "/")
	for n := 1; n <= min(len(parts), maxTreeParts); n++ {
		beginnings = append(beginnings, root+strings.Join(parts[:n], "/"))
		ends = append(ends, strings.Join(parts[len(parts)-n:], "/"))
	}
	return beginnings, ends
}
