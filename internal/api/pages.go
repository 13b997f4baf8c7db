package api

import (
	"context"

	"lazuli/internal/api/azul"
	"lazuli/internal/api/notes"
	"lazuli/internal/index"
)

// SavedSearches lists the searches of who asks, by name.
func (a *API) SavedSearches(ctx context.Context) ([]notes.Search, error) {
	return a.Notes.Searches(ctx, accessOf(ctx).User)
}

// SaveSearch keeps a search of who asks; an error is for them to read.
func (a *API) SaveSearch(ctx context.Context, name, text string, order index.Order, ascending bool) error {
	in := saveInput{Name: name}
	in.Body.Query, in.Body.Order, in.Body.Ascending = text, string(order), ascending
	_, err := a.saveSearch(ctx, &in)
	return err
}

// ForgetSearch removes a saved search of who asks; an error is for them to read.
func (a *API) ForgetSearch(ctx context.Context, name string) error {
	_, err := a.forgetSearch(ctx, &forgetInput{Name: name})
	return err
}

// Azul is Azul's interface for who asks.
func (a *API) Azul(ctx context.Context) *azul.Asking { return a.azul.For(accessOf(ctx), readerOf(ctx)) }
