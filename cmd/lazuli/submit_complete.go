package main

import (
	"cmp"
	"context"
	"strings"

	"lazuli/client"
)

// askSources asks for the sources, for the shell's completion. There are none when no platform answers.
func askSources(ctx context.Context, connect func() (*client.API, error)) *client.Sources {
	var list *client.Sources
	err := askSoon(ctx, connect, func(ctx context.Context, api *client.API) (err error) {
		list, err = api.Sources(ctx)
		return err
	})
	if err != nil {
		return &client.Sources{}
	}
	return list
}

// namesOf offers the sources whose names begin with a word.
func namesOf(list *client.Sources, word string) []string {
	var out []string
	for _, src := range list.Sources {
		out = offer(out, src.Name, "", src.Description, word)
	}
	return out
}

// referencesOf offers what a source, "" for the default one, wants to know and was not told yet.
func referencesOf(list *client.Sources, source string, told []string, word string) []string {
	var out []string
	for _, src := range list.Sources {
		if src.Name != cmp.Or(source, list.Default) {
			continue
		}
		for _, ref := range src.References {
			detail := ref.Description
			if ref.Required {
				detail = strings.TrimSuffix("required: "+detail, ": ")
			}
			if !isTold(told, ref.Name) {
				out = offer(out, ref.Name, "=", detail, word)
			}
		}
	}
	return out
}

func isTold(refs []string, name string) bool {
	for _, ref := range refs {
		if key, _, ok := strings.Cut(ref, "="); ok && key == name {
			return true
		}
	}
	return false
}

// offer adds a name as the shell's completion has it, if it begins with the word and does not steer the terminal.
func offer(list []string, name, behind, detail, word string) []string {
	if !strings.HasPrefix(name, word) || printable(name) != name {
		return list
	}
	return append(list, strings.TrimSuffix(name+behind+"\t"+printable(strings.Join(strings.Fields(detail), " ")), "\t"))
}
