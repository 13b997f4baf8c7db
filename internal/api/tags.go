package api

import (
	"context"
	"errors"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/index"
)

type tagsInput struct {
	Narrowed
	Hash string `path:"hash" doc:"SHA-256, SHA-1 or MD5 in hex"`
}

type tagInput struct {
	Narrowed
	Hash string `path:"hash" doc:"SHA-256, SHA-1 or MD5 in hex"`
	Tag  string `path:"tag" doc:"1 to 25 of a-z 0-9 -"`
}

type fileTags struct {
	SHA256 string      `json:"sha256"`
	Tags   []index.Tag `json:"tags"`
}

func (a *API) tags(ctx context.Context, in *tagsInput) (*struct{ Body fileTags }, error) {
	b, err := a.Index.Binary(ctx, readerOf(ctx), in.Hash)
	if err != nil {
		return nil, a.problem(err)
	}
	return a.tagsOf(ctx, b.SHA256)
}

func (a *API) tagsOf(ctx context.Context, sha256 string) (*struct{ Body fileTags }, error) {
	list, err := a.Index.FileTags(ctx, readerOf(ctx), sha256)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body fileTags }{fileTags{sha256, append([]index.Tag{}, list...)}}, nil
}

func (a *API) putTag(ctx context.Context, in *tagInput) (*struct{ Body fileTags }, error) {
	return a.changeTag(ctx, in, a.Azul(ctx).TagFile)
}

func (a *API) deleteTag(ctx context.Context, in *tagInput) (*struct{ Body fileTags }, error) {
	return a.changeTag(ctx, in, a.Azul(ctx).UntagFile)
}

// changeTag changes a tag of a file and returns those that it has then.
func (a *API) changeTag(ctx context.Context, in *tagInput, change func(ctx context.Context, sha256, tag string) error) (*struct{ Body fileTags }, error) {
	b, err := a.Index.Binary(ctx, readerOf(ctx), in.Hash)
	if err != nil {
		return nil, a.problem(err)
	}
	err = change(ctx, b.SHA256, in.Tag)
	var mistake huma.StatusError
	switch {
	case errors.As(err, &mistake):
		return nil, huma.NewError(mistake.GetStatus(), mistake.Error())
	case err != nil:
		return nil, a.problem(err)
	}
	return a.tagsOf(ctx, b.SHA256)
}
