package web

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
)

// none makes an action of one whose value does not matter.
func none[T any](a chromedp.Action[T]) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := a(ctx, t)
		return chromedp.Void{}, err
	}
}

// complaints gathers what the browser's log holds against the pages: exceptions, failed loads, what the policy blocked. An answer of 400 is
// what a test asked for.
func complaints(ctx context.Context) func() []string {
	var mu sync.Mutex
	var list []string
	entries := chromedp.Events(ctx, log.EntryAdded)
	go func() {
		for e, err := range entries {
			if err != nil {
				return // the browser is closed
			}
			mu.Lock()
			if e.Entry.Level == "error" && !strings.Contains(e.Entry.Text, "status of 400") {
				list = append(list, e.Entry.Text)
			}
			mu.Unlock()
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return list
	}
}

// shot keeps a picture in LAZULI_SHOTS, if that is set.
func shot(name string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		dir := os.Getenv("LAZULI_SHOTS")
		if dir == "" {
			return chromedp.Void{}, nil
		}
		picture, err := chromedp.FullScreenshot(100)(ctx, t)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600)
		}
		return chromedp.Void{}, err
	}
}

// dark asks for the dark colours.
func dark(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	return chromedp.Void{}, err
}
