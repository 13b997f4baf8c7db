package auth

import (
	"errors"
	"net/http"
	"strings"
)

// Refuse writes an answer that is an error, in the words of the interface behind the port.
type Refuse func(w http.ResponseWriter, code int, title, detail string)

// Outcome says how a request without the right to be there was refused. The values are labels of a metric.
type Outcome string

const (
	Missing Outcome = "missing" // no credentials
	Wrong   Outcome = "wrong"   // a name, password or token that is not right
	Busy    Outcome = "busy"    // not decided: too many unknown passwords at once
)

// Guard lets requests with credentials through to next. The paths that are open need none. refused is told of every request
// that is not let through; nil is nobody.
func (g *Gate) Guard(next http.Handler, refuse Refuse, refused func(Outcome), open ...string) http.Handler {
	if refused == nil {
		refused = func(Outcome) {}
	}
	free := map[string]bool{}
	for _, path := range open {
		free[path] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if free[r.URL.Path] {
			next.ServeHTTP(w, r)
			return
		}
		switch outcome := g.admit(r); outcome {
		case "":
			next.ServeHTTP(w, r)
		case Busy:
			refused(outcome)
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "busy", errBusy.Error())
		default:
			refused(outcome)
			w.Header().Add("WWW-Authenticate", `Basic realm="lazuli", charset="UTF-8"`)
			w.Header().Add("WWW-Authenticate", `Bearer realm="lazuli"`)
			detail := "user and password, or a token, are needed: http://USER:PASSWORD@HOST, or the header Authorization: Bearer TOKEN"
			if outcome == Wrong {
				detail = "user, password or token are not right"
			}
			refuse(w, http.StatusUnauthorized, "unauthorized", detail)
		}
	})
}

// admit returns "" for a request that may pass.
func (g *Gate) admit(r *http.Request) Outcome {
	g.files.refresh()
	scheme, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		if g.token(strings.TrimSpace(credentials)) {
			return ""
		}
		return Wrong
	case strings.EqualFold(scheme, "Basic"):
		name, password, ok := r.BasicAuth()
		if !ok {
			return Wrong
		}
		right, err := g.password(r.Context(), name, password)
		switch {
		case right:
			return ""
		case errors.Is(err, errBusy):
			return Busy
		}
		return Wrong
	}
	return Missing
}
