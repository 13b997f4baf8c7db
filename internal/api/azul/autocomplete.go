package azul

import (
	"context"

	"lazuli/internal/index/query"
)

type autocompleteInput struct {
	Base
	Term   string `query:"term"`
	Offset int    `query:"offset" doc:"the character that the cursor stands behind, counted from 0"`
}

// completion is what may stand at a place. Its type says which of the fields it has.
type completion struct {
	Type       query.Kind        `json:"type" enum:"None,Initial,Error,FieldName,FieldValue"`
	Column     *int              `json:"column,omitempty"`
	Message    *string           `json:"message,omitempty"`
	Key        *string           `json:"key,omitempty"`
	Prefix     *string           `json:"prefix,omitempty"`
	PrefixType *query.PrefixType `json:"prefix_type,omitempty"`
	HasValue   *bool             `json:"has_value,omitempty"`
}

// bareWord is the completion of a bare word: it has a key all the same, which is null.
type bareWord struct {
	Type       query.Kind       `json:"type"`
	Key        *string          `json:"key"`
	Prefix     string           `json:"prefix"`
	PrefixType query.PrefixType `json:"prefix_type"`
}

func (s *Server) autocomplete(_ context.Context, _ *call, in *autocompleteInput) (any, error) {
	at := query.Complete(in.Term, in.Offset)
	c := completion{Type: at.Kind}
	switch at.Kind {
	case query.KindError:
		c.Column, c.Message = &at.Column, &at.Message
	case query.KindFieldName:
		c.Prefix, c.PrefixType, c.HasValue = &at.Prefix, &at.PrefixType, &at.HasValue
	case query.KindFieldValue:
		if at.Key == "" {
			return bareWord{Type: at.Kind, Prefix: at.Prefix, PrefixType: at.PrefixType}, nil
		}
		c.Key, c.Prefix, c.PrefixType = &at.Key, &at.Prefix, &at.PrefixType
	}
	return c, nil
}
