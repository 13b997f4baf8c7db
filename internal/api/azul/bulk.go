package azul

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/bulk"
	"lazuli/internal/index"
)

// ownBulk is where a download is encrypted unless it is asked to be otherwise: Azul's clients expect the files bare.
const ownBulk = "/api/v1/content/bulk"

func (s *Server) registerBulk() {
	for path, id := range map[string]string{prefix + "/binaries/content/bulk": "bulk", ownBulk: "own-bulk"} {
		op := operation(http.MethodPost, path, id, "The content of many files as one ZIP file", "content")
		op.Parameters = []*huma.Param{
			{Name: "format", In: "query", Schema: &huma.Schema{Type: "string", Enum: []any{"encrypted", "cart", "raw"}},
				Description: "encrypted with a password (AES-256), each as CaRT, or as they are. In " + ownBulk + " encrypted, else raw if there is none"},
			{Name: "password", In: "query", Schema: &huma.Schema{Type: "string"}, Description: "of encrypted; " + bulk.DefaultPassword + " if there is none"},
		}
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object",
			Properties: map[string]*huma.Schema{"binaries": {Type: "array", Items: &huma.Schema{Type: "string"}}}, Required: []string{"binaries"}}}}}
		op.Responses = map[string]*huma.Response{"200": {Description: "a ZIP file", Content: map[string]*huma.MediaType{"application/zip": {}}}}
		s.streamed(op, "", s.bulk)
	}
}

// maxBulk is how many files one download has.
const maxBulk = 10_000

// bulk answers with a ZIP file of files, each named by its SHA-256. It is written as the files are read.
func (s *Server) bulk(w http.ResponseWriter, r *http.Request, c *call) error {
	format, err := bulkFormat(r)
	if err != nil {
		return err
	}
	shas, err := bulkHashes(w, r)
	if err != nil {
		return err
	}
	objects := map[string]storedObject{}
	for _, sha := range shas {
		object, err := s.stored(r.Context(), c, sha)
		if errors.Is(err, index.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		objects[sha] = object
	}
	if len(objects) == 0 {
		return refuse(http.StatusNotFound, "no content", "the content of none of them is stored")
	}
	s.attach(w, c, "binaries.zip", "application/zip")
	err = bulk.Write(r.Context(), patientWriter{w}, format, shas, func(ctx context.Context, sha string) (io.ReadCloser, error) {
		object, ok := objects[sha]
		if !ok {
			return nil, bulk.ErrMissing
		}
		return s.Store.Open(ctx, object.Key, 0, -1)
	})
	if err != nil {
		panic(http.ErrAbortHandler) // what was sent must not look whole
	}
	return nil
}

func bulkFormat(r *http.Request) (bulk.Format, error) {
	q := r.URL.Query()
	format := q.Get("format")
	if format == "" && r.URL.Path == ownBulk {
		format = "encrypted"
	}
	switch format {
	case "", "raw":
		return bulk.Raw, nil
	case "cart":
		return bulk.CaRT, nil
	case "encrypted":
		return bulk.Encrypted(q.Get("password")), nil
	}
	return bulk.Format{}, invalid("query", "format", "format must be encrypted, cart or raw", format)
}

func bulkHashes(w http.ResponseWriter, r *http.Request) ([]string, error) {
	var body struct {
		Binaries []string `json:"binaries"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8<<20)).Decode(&body); err != nil {
		return nil, invalid("body", "binaries", "the body must be JSON with a list binaries", "")
	}
	if len(body.Binaries) == 0 || len(body.Binaries) > maxBulk {
		return nil, invalid("body", "binaries", "binaries must have 1 to 10000 hashes", len(body.Binaries))
	}
	for i, hash := range body.Binaries {
		sha := strings.ToLower(hash)
		if len(sha) != 64 || !isHash(sha) {
			return nil, invalid("body", "binaries", "every one of binaries must be a SHA-256 in hex", hash)
		}
		body.Binaries[i] = sha
	}
	return body.Binaries, nil
}
