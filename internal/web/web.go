// Package web is the pages: rendered on the server, working without JavaScript, alive with it.
//
// Nothing is loaded from another host and nothing that comes from a file is trusted. Begin with New.
package web

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"lazuli/internal/api"
	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

//go:embed assets pages
var files embed.FS

// Web serves the pages.
type Web struct {
	api   *api.API
	pages map[string]*template.Template
	mux   *http.ServeMux
}

// New makes the pages over REST's parts.
func New(a *api.API) *Web {
	w := &Web{api: a, pages: map[string]*template.Template{}, mux: http.NewServeMux()}
	for _, name := range []string{"home", "search", "help", "file", "graph", "similar", "results", "stream", "pivot", "hex", "strings", "plugins", "dead", "missing", "problem"} {
		w.pages[name] = template.Must(template.New("").Funcs(functions).ParseFS(files, "pages/layout.html", "pages/parts.html", "pages/"+name+".html"))
	}
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	w.mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(assets)))
	w.mux.HandleFunc("GET /{$}", w.home)
	w.mux.HandleFunc("GET /search", w.search)
	w.mux.HandleFunc("GET /search/help", w.help)
	w.mux.HandleFunc("POST /search/save", w.saveSearch)
	w.mux.HandleFunc("POST /search/forget", w.forgetSearch)
	w.mux.HandleFunc("GET /file/{hash}", w.file)
	w.mux.HandleFunc("POST /file/{hash}/tags", w.tagFile)
	w.mux.HandleFunc("GET /file/{hash}/graph", w.graphPage)
	w.mux.HandleFunc("GET /file/{hash}/similar", w.similar)
	w.mux.HandleFunc("GET /file/{hash}/results", w.results)
	w.mux.HandleFunc("GET /file/{hash}/stream/{stream}", w.stream)
	w.mux.HandleFunc("GET /file/{hash}/hex", w.hex)
	w.mux.HandleFunc("GET /file/{hash}/strings", w.strings)
	w.mux.HandleFunc("GET /pivot", w.pivot)
	w.mux.HandleFunc("POST /pivot/tags", w.tagValue)
	w.mux.HandleFunc("GET /plugins", w.plugins)
	w.mux.HandleFunc("GET /dead", w.dead)
	w.mux.HandleFunc("POST /dead/retry", w.retry)
	w.mux.HandleFunc("POST /upload", w.upload)
	w.mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		w.problem(rw, r, http.StatusNotFound, "There is no such page.")
	})
	return w
}

// policy lets pages use what this server sends and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Handler serves the pages.
func (w *Web) Handler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		asked, code, err := w.api.Asked(r)
		if err != nil {
			http.Error(rw, err.Error(), code)
			return
		}
		w.mux.ServeHTTP(rw, asked)
	})
}

// view is what every page is given.
type view struct {
	Title string
	Query string // in the search box
	Live  string // what the page's live updates are about: a SHA-256, "*" for everything, "" for nothing
	Admin bool   // who looks at it; render says so
	Data  any
}

// render writes a page, or only its main part when the request asks for that.
func (w *Web) render(rw http.ResponseWriter, r *http.Request, code int, page string, v view) {
	part := "layout"
	if r.URL.Query().Get("fragment") != "" {
		part = "main"
	}
	v.Admin = w.api.Admin(r.Context())
	var body bytes.Buffer
	if err := w.pages[page].ExecuteTemplate(&body, part, v); err != nil {
		w.api.Logger.Error("render a page", "page", page, "err", err)
		http.Error(rw, "this page cannot be shown; the platform's log has the details", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(code)
	_, _ = body.WriteTo(rw) // a client that went away is no error of ours
}

func (w *Web) problem(rw http.ResponseWriter, r *http.Request, code int, text string) {
	w.render(rw, r, code, "problem", view{Title: http.StatusText(code), Query: r.URL.Query().Get("q"), Data: text})
}

// missing tells that the file in the address is not known. With JavaScript the page becomes the file's when it is.
func (w *Web) missing(rw http.ResponseWriter, r *http.Request) {
	v := view{Title: "No such file is known"}
	asked := r.PathValue("hash")
	d := struct{ Asked, Hash string }{Asked: asked}
	raw, err := hex.DecodeString(asked)
	if n := len(raw); err == nil && (n == sha256.Size || n == sha1.Size || n == md5.Size) {
		d.Hash = strings.ToLower(asked)
	}
	if len(raw) == sha256.Size {
		v.Live = d.Hash // changes are told by SHA-256
	}
	v.Data = d
	w.render(rw, r, http.StatusNotFound, "missing", v)
}

// failed answers for an error of the index.
func (w *Web) failed(rw http.ResponseWriter, r *http.Request, err error) {
	var bad *query.Error
	switch {
	case errors.Is(err, index.ErrNotFound):
		w.missing(rw, r)
	case errors.Is(err, context.Canceled): // who asked is gone
	case errors.As(err, &bad):
		w.problem(rw, r, http.StatusBadRequest, "The query: "+err.Error()+".")
	case errors.Is(err, index.ErrCursor):
		w.problem(rw, r, http.StatusBadRequest, "This page of results is no more: search again.")
	default:
		w.api.Logger.Error("answer a page", "err", err)
		w.problem(rw, r, http.StatusInternalServerError, "Something went wrong; the platform's log has the details.")
	}
}

func (w *Web) plugins(rw http.ResponseWriter, r *http.Request) {
	list, err := w.api.Plugins(r.Context())
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, http.StatusOK, "plugins", view{Title: "Plugins", Live: "*", Data: list})
}

// forAdmins answers who is no administrator, and tells whether it did not need to.
func (w *Web) forAdmins(rw http.ResponseWriter, r *http.Request) bool {
	if !w.api.Admin(r.Context()) {
		w.problem(rw, r, http.StatusForbidden, "Only administrators see jobs that were given up.")
		return false
	}
	return true
}

func (w *Web) dead(rw http.ResponseWriter, r *http.Request) {
	if !w.forAdmins(rw, r) {
		return
	}
	page, err := w.api.Index.DeadLetters(r.Context(), 500, r.URL.Query().Get("cursor"))
	if errors.Is(err, index.ErrCursor) {
		w.problem(rw, r, http.StatusBadRequest, "The address names no page of this list.")
		return
	}
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, http.StatusOK, "dead", view{Title: "Dead letters", Live: "*", Data: page})
}

// retry has jobs tried again, from a form with their IDs, and shows the list again.
func (w *Web) retry(rw http.ResponseWriter, r *http.Request) {
	if !w.forAdmins(rw, r) {
		return
	}
	r.Body = http.MaxBytesReader(rw, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil || len(r.PostForm["id"]) == 0 {
		w.problem(rw, r, http.StatusBadRequest, "The form names no job.")
		return
	}
	list, err := w.api.Retry(r.Context(), r.PostForm["id"])
	if err != nil {
		w.failed(rw, r, err)
		return
	}
	for _, got := range list {
		if got.Error != "" {
			w.problem(rw, r, http.StatusConflict, "Not tried again: "+got.Error)
			return
		}
	}
	http.Redirect(rw, r, "/dead", http.StatusSeeOther)
}
