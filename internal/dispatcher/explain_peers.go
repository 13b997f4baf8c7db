package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Silent is an instance that was asked about its consumers and gave no answer.
type Silent struct {
	Instance string `json:"instance"` // base URL, or in words if there is none yet
	Error    string `json:"error"`
}

// ExplainEverywhere is Explain for the consumers of all instances that answer.
func (d *Dispatcher) ExplainEverywhere(ctx context.Context, positions []string) ([]Explanation, []Silent, error) {
	return d.explainEverywhere(ctx, positions, false)
}

// The bounds of what one instance is asked at once: a request has at most so many positions and bytes, and is answered within a
// time, since somebody waits for the whole.
const (
	maxExplainPositions = 500
	maxExplainBytes     = 1 << 20
	explainTime         = 5 * time.Second
)

// explainRequest is the body of POST /api/v1/explain.
type explainRequest struct {
	Positions []string `json:"positions"`
	Pending   bool     `json:"pending,omitempty"` // only jobs that have not ended and for which somebody works
}

type explainAnswer struct {
	Jobs   []Explanation `json:"jobs"`
	Silent []Silent      `json:"silent,omitempty"`
}

func (d *Dispatcher) explainEverywhere(ctx context.Context, positions []string, pending bool) ([]Explanation, []Silent, error) {
	list, err := d.explainHere(ctx, positions, pending)
	if err != nil || d.peers == nil || len(positions) == 0 {
		return list, nil, err
	}
	var (
		mu     sync.Mutex
		silent []Silent
		asked  sync.WaitGroup
	)
	for _, address := range d.peers.others() {
		asked.Go(func() {
			theirs, err := d.peers.explain(ctx, address, positions, pending)
			mu.Lock()
			defer mu.Unlock()
			list = append(list, theirs...)
			if err != nil {
				d.logger.Warn("an instance does not say where events stand with its consumers", "instance", address, "err", err)
				silent = append(silent, Silent{address, err.Error()})
			}
		})
	}
	asked.Wait()
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if n, _ := d.unserved(); n > 0 {
		silent = append(silent, Silent{fmt.Sprintf("the future owner of %d of %d parts of the consumers", n, d.own.Partitions()), "they are being shared out among the instances"})
	}
	sortExplanations(list)
	slices.SortFunc(silent, func(a, b Silent) int { return strings.Compare(a.Instance, b.Instance) })
	return list, silent, nil
}

// explainHere is Explain, if pending is set only of jobs that have not ended and for which somebody works.
func (d *Dispatcher) explainHere(ctx context.Context, positions []string, pending bool) ([]Explanation, error) {
	list, err := d.Explain(ctx, positions)
	if !pending {
		return list, err
	}
	return slices.DeleteFunc(list, func(e Explanation) bool {
		return !e.Active || e.State != StateWaiting && e.State != StateRunning
	}), err
}

// explain asks another instance, in as many requests as it takes. What was answered before an error is returned with it.
func (p *peers) explain(ctx context.Context, address string, positions []string, pending bool) (list []Explanation, err error) {
	for part := range slices.Chunk(positions, maxExplainPositions) {
		body, err := json.Marshal(explainRequest{part, pending})
		if err != nil {
			return list, err
		}
		jobs, err := p.explainPart(ctx, address, body)
		if err != nil {
			return list, err
		}
		list = append(list, jobs...)
	}
	return list, nil
}

func (p *peers) explainPart(ctx context.Context, address string, body []byte) ([]Explanation, error) {
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	res, err := p.send(ctx, http.MethodPost, address, "/api/v1/explain", "", body)
	var onTheWay *url.Error
	if errors.As(err, &onTheWay) {
		err = onTheWay.Err // the address stands beside it
	}
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	var answer explainAnswer
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswerBytes)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("its answer cannot be read: %w", err)
	}
	return answer.Jobs, nil
}

// getExplain is GET /api/v1/explain?position=…&position=….
func (d *Dispatcher) getExplain(w http.ResponseWriter, r *http.Request) {
	d.answerExplain(w, r, explainRequest{Positions: r.URL.Query()["position"]})
}

// postExplain is POST /api/v1/explain with an explainRequest.
func (d *Dispatcher) postExplain(w http.ResponseWriter, r *http.Request) {
	body, err := d.readBody(w, r, maxExplainBytes)
	if err != nil {
		d.writeFailure(w, r, "explain", err)
		return
	}
	var req explainRequest
	if err := json.Unmarshal(body, &req); err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, "bad body", err.Error())
		return
	}
	d.answerExplain(w, r, req)
}

func (d *Dispatcher) answerExplain(w http.ResponseWriter, r *http.Request, req explainRequest) {
	if n := len(req.Positions); n > maxExplainPositions {
		writeProblem(w, http.StatusUnprocessableEntity, "bad parameters", fmt.Sprintf("there are %d positions, the limit is %d", n, maxExplainPositions))
		return
	}
	for _, text := range req.Positions {
		if _, err := parsePosition(text); err != nil {
			writeProblem(w, http.StatusUnprocessableEntity, "bad parameters", err.Error())
			return
		}
	}
	var answer explainAnswer
	var err error
	if d.passedOn(r) {
		answer.Jobs, err = d.explainHere(r.Context(), req.Positions, req.Pending)
	} else {
		answer.Jobs, answer.Silent, err = d.explainEverywhere(r.Context(), req.Positions, req.Pending)
	}
	if err != nil {
		d.writeFailure(w, r, "explain", err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// PendingJob is a job of an event that has not ended.
type PendingJob struct {
	Plugin   string
	Version  string
	State    string // "waiting" or "running"
	Feed     string // by which the plugin gets it, or got it
	Since    time.Time
	Position string // of the event, "topic/partition/offset"
}

// Pending returns the jobs of some events, given as "topic/partition/offset", that have not ended, sorted by plugin. Only
// consumers for which somebody works count: a plugin that is not running would be waited for in vain. Those of instances that
// did not answer are not known.
func (d *Dispatcher) Pending(ctx context.Context, positions []string) ([]PendingJob, []Silent, error) {
	all, silent, err := d.explainEverywhere(ctx, positions, true)
	var list []PendingJob
	for i := range all {
		e := &all[i]
		list = append(list, PendingJob{e.Plugin, e.Version, e.State, e.Feed, e.Since, e.Position})
	}
	return list, silent, err
}
