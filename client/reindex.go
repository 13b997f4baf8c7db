package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Reindex has the platform build its index anew from the log, and returns when the new one is in use. progress is called now and then with how many of
// how many records are applied. When ctx ends before, the index stays as it is.
func (a *API) Reindex(ctx context.Context, progress func(done, all int64)) error {
	req, err := a.request(ctx, http.MethodPost, "/api/v1/reindex", nil, nil)
	if err != nil {
		return err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return a.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		return problem(resp.StatusCode, raw)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		line := lines.Text()
		if text, failed := strings.CutPrefix(line, "error: "); failed {
			return errors.New(text)
		}
		if line == "done" {
			return nil
		}
		var done, all int64
		if n, _ := fmt.Sscanf(line, "%d of %d records", &done, &all); n == 2 {
			progress(done, all)
		}
	}
	if err := lines.Err(); err != nil {
		return a.unreachable(ctx, err)
	}
	return errors.New("the platform stopped before it was done")
}
