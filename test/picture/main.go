// Command picture photographs a page with Chromium: how the pictures in the documentation are made.
//
//	go run ./test/picture [-dark] [-width 1280] URL FILE.png
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func main() {
	dark := flag.Bool("dark", false, "ask for dark colours")
	width := flag.Int("width", 1280, "of the window, in pixels")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: picture [-dark] [-width N] URL FILE.png")
		os.Exit(2)
	}
	if err := take(flag.Arg(0), flag.Arg(1), *width, *dark); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func take(url, path string, width int, dark bool) error {
	profile, err := os.MkdirTemp("", "picture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(profile), chromedp.WindowSize(width, 900))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil { // starts the browser
		return err
	}
	ctx, cancel = context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if dark {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}
		_, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
			return cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		})
		if err != nil {
			return err
		}
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("main"))); err != nil {
		return err
	}
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	return os.WriteFile(path, picture, 0o644)
}
