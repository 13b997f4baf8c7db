package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lazuli/client"
)

// manyDead is a server with 2,345 letters in pages of 1,000, of which every hundredth is ingest's.
type manyDead struct {
	requests []int // how many IDs each one named
	failAt   int   // the request that is answered with an error; 0 is none
}

func (m *manyDead) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		var in struct{ IDs []string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		m.requests = append(m.requests, len(in.IDs))
		if len(m.requests) == m.failAt {
			http.Error(w, `{"detail":"the log is away"}`, http.StatusInternalServerError)
			return
		}
		var out struct {
			Retried []client.Retried `json:"retried"`
		}
		for _, id := range in.IDs {
			out.Retried = append(out.Retried, client.Retried{ID: id})
		}
		_ = json.NewEncoder(w).Encode(out)
		return
	}
	from := 0
	fmt.Sscan(r.URL.Query().Get("cursor"), &from)
	var page client.DeadPage
	for i := from; i < min(from+1000, 2345); i++ {
		d := client.DeadLetter{ID: fmt.Sprintf("id-%d", i), Plugin: "P"}
		if i%100 == 99 {
			d.Plugin, d.NoRetry = "ingest", "it is no job"
		}
		page.Dead = append(page.Dead, d)
	}
	if from+1000 < 2345 {
		page.Next = fmt.Sprint(from + 1000)
	}
	_ = json.NewEncoder(w).Encode(page)
}

func TestRetryOfAllDeadLetters(t *testing.T) {
	m := &manyDead{}
	server := httptest.NewServer(m)
	defer server.Close()
	t.Setenv("LAZULI_SERVER", server.URL)
	for _, way := range []string{"--all", "--plugin P"} {
		m.requests = nil
		leftOut := "--- stderr\n23 left out: it is no job\n"
		if way != "--all" {
			leftOut = ""
		}
		want := "2322 tried again: `lazuli dead list` shows those that fail once more\n" + leftOut
		if got := runLine(t, strings.Fields("dead retry "+way)); got != want {
			t.Errorf("%s:\n%s", way, got)
		}
		if n := len(m.requests); n != 24 || m.requests[23] != 22 {
			t.Errorf("%s: requests %v", way, m.requests)
		}
	}
	var result retryResult
	if err := json.Unmarshal([]byte(runLine(t, strings.Fields("dead retry --all --json"))), &result); err != nil || len(result.Retried) != 2322 || len(result.LeftOut) != 23 ||
		result.LeftOut[0] != (leftOut{"id-99", "it is no job"}) {
		t.Errorf("%d retried, %d left out: %v", len(result.Retried), len(result.LeftOut), err)
	}
	m.requests, m.failAt = nil, 3
	if got := runLine(t, strings.Fields("dead retry --all")); !strings.HasPrefix(got, "200 tried again") || !strings.Contains(got, "the log is away") || !strings.HasSuffix(got, "--- exit 1\n") {
		t.Errorf("an error half way: %s", got)
	}
	if got := runLine(t, strings.Fields("dead list --limit 1500")); strings.Count(got, "id-") != 1500 || !strings.Contains(got, "there are more: --limit 3000") {
		t.Errorf("a list of many: %d bytes", len(got))
	}
}
