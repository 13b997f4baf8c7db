package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"lazuli/client"
)

func newTagCmd() *cobra.Command {
	var remove, asJSON bool
	cmd := &cobra.Command{
		Use:               "tag HASH [TAG…]",
		Short:             "Put tags on a file, take them off, or list them",
		Long:              "Puts tags on a file, by SHA-256, SHA-1 or MD5, and prints those that it has then. A tag is 1 to 25 of a-z 0-9 -.",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	connect := serverFlag(cmd)
	cmd.Flags().BoolVar(&remove, "remove", false, "take the tags off, whoever put them there")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		hash, err := checkHash(args[0])
		if err != nil {
			return err
		}
		if remove && len(args) == 1 {
			return usagef("--remove needs the tags that are to go")
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		has, err := changeTags(cmd.Context(), api, hash, args[1:], remove)
		if err != nil {
			return fmt.Errorf("tag %s: %w", hash, err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), has)
		}
		for _, t := range has.Tags {
			fmt.Fprintf(cmd.OutOrStdout(), "%s  %s, %s\n", printable(t.Name), printable(t.Owner), timeText(t.Time))
		}
		return nil
	}
	return cmd
}

// changeTags returns the tags that the file has in the end.
func changeTags(ctx context.Context, api *client.API, hash string, tags []string, remove bool) (has *client.FileTags, err error) {
	if len(tags) == 0 {
		return api.Tags(ctx, hash)
	}
	change := api.PutTag
	if remove {
		change = api.DeleteTag
	}
	for _, tag := range tags {
		if has, err = change(ctx, hash, tag); err != nil {
			return nil, err
		}
	}
	return has, nil
}
