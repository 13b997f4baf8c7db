package azul

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/inspect"
)

func (s *Server) registerInspection() {
	const path, tag = prefix + "/binaries/{sha256}", "content"
	bare(s, operation(http.MethodGet, path+"/hexview", "hexview", "Bytes of a file in hex", tag), s.hexview)
	bare(s, operation(http.MethodGet, path+"/strings", "strings", "The strings of a file", tag), s.strings)
	bare(s, operation(http.MethodGet, path+"/search/hex", "search-hex", "Where bytes stand in a file", tag), s.searchHex)
	// In the pattern the last part is any, since {}/{}/strings could mean source/download/{} as well.
	common := contentOperation(http.MethodGet, prefix+"/binaries/{sha256}/{other}/strings", "common-strings", "The strings that two files have in common", tag)
	common.Parameters = append(common.Parameters, &huma.Param{Name: "other", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}},
		&huma.Param{Name: "take_n_strings", In: "query", Schema: &huma.Schema{Type: "integer"}})
	s.streamed(common, prefix+"/binaries/{sha256}/{other}/{strings}", s.commonStrings)
}

// opened is the content of a file that the reader may see, for inspect to read by ranges.
func (s *Server) opened(ctx context.Context, c *call, sha string) (inspect.Source, error) {
	object, err := s.stored(ctx, c, sha)
	if err != nil {
		return nil, err
	}
	return inspect.Object{Bytes: object.size, Range: func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
		return s.Store.Open(ctx, object.Key, off, n)
	}}, nil
}

// number reads a parameter that is a whole number; blank is otherwise.
func number(r *http.Request, name string, otherwise int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, invalid("query", name, name+" must be a whole number", text)
	}
	return n, nil
}

// inspected makes what is wrong with a query the caller's mistake.
func inspected[T any](answer T, err error) (T, error) {
	if errors.Is(err, inspect.ErrQuery) {
		err = refuse(http.StatusBadRequest, "bad query", "%s", err.Error())
	}
	return answer, err
}

type hexviewInput struct {
	SHA256Input
	Offset int64 `query:"offset" minimum:"0"`
	Max    int64 `query:"max_bytes_to_read" minimum:"0" doc:"at most 1 MiB are answered at once; 0 is 64 KiB"`
	Short  bool  `query:"shortform" doc:"a row as one text of lower-case digits"`
}

func (s *Server) hexview(ctx context.Context, c *call, in *hexviewInput) (any, error) {
	file, err := s.opened(ctx, c, in.SHA256)
	if err != nil {
		return nil, err
	}
	if in.Short {
		return inspected(inspect.HexShort(ctx, file, in.Offset, in.Max))
	}
	return inspected(inspect.Hex(ctx, file, in.Offset, in.Max))
}

type stringsInput struct {
	SHA256Input
	MinLength  int    `query:"min_length" default:"4"`
	MaxLength  int    `query:"max_length" default:"200"`
	Offset     int64  `query:"offset" minimum:"0"`
	Max        int64  `query:"max_bytes_to_read" default:"10485760" minimum:"0"`
	Take       int    `query:"take_n_strings" default:"1000"`
	Filter     string `query:"filter" maxLength:"1000" doc:"text that a string must have in it, in any case"`
	Regex      string `query:"regex" maxLength:"1000" doc:"expression of RE2 that must match a part of a string"`
	FileFormat string `query:"file_format" doc:"if there is any, what does not look as if somebody had meant it as text is left out"`
}

func (s *Server) strings(ctx context.Context, c *call, in *stringsInput) (*inspect.Found, error) {
	file, err := s.opened(ctx, c, in.SHA256)
	if err != nil {
		return nil, err
	}
	return inspected(inspect.FindStrings(ctx, file, inspect.StringsQuery{Offset: in.Offset, MaxBytes: in.Max, MinLength: in.MinLength, MaxLength: in.MaxLength, Take: in.Take,
		Filter: in.Filter, Regex: in.Regex, NoNoise: in.FileFormat != ""}))
}

type searchHexInput struct {
	SHA256Input
	Filter string `query:"filter" maxLength:"4096" doc:"hex digits, ? for any; or text in quotes"`
	Offset int64  `query:"offset" minimum:"0"`
	Max    int64  `query:"max_bytes_to_read" minimum:"0"`
	Take   int    `query:"take_n_hits" default:"1000"`
}

func (s *Server) searchHex(ctx context.Context, c *call, in *searchHexInput) (*inspect.Found, error) {
	file, err := s.opened(ctx, c, in.SHA256)
	if err != nil {
		return nil, err
	}
	return inspected(inspect.FindBytes(ctx, file, inspect.BytesQuery{Pattern: in.Filter, Offset: in.Offset, MaxBytes: in.Max, Take: in.Take}))
}

func (s *Server) commonStrings(w http.ResponseWriter, r *http.Request, c *call) error {
	if r.PathValue("strings") != "strings" {
		return &refusal{http.StatusNotFound, "there is no such endpoint"}
	}
	take, err := number(r, "take_n_strings", inspect.DefaultTakeCommon)
	if err != nil {
		return err
	}
	var files []inspect.Source
	for _, name := range []string{"sha256", "other"} {
		file, err := s.opened(r.Context(), c, r.PathValue(name))
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	common, err := inspected(inspect.CommonStrings(r.Context(), files, inspect.CommonQuery{Take: take}))
	if err != nil {
		return err
	}
	stampHeaders(w, c)
	writeJSON(w, http.StatusOK, common)
	return nil
}
