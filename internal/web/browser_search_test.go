package web

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"lazuli/internal/index"
)

// browser starts Chromium, or skips the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	chrome, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed: test/setup should have done it")
		}
		t.Skip("SKIPPED: chromium is not installed (run test/setup as root on Debian)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chrome), chromedp.NoSandbox, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 1100))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the first call starts the browser and must have no deadline
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// browserStep is one thing that somebody does or sees.
type browserStep struct {
	name string
	do   chromedp.Action[chromedp.Void]
}

func walk(t *testing.T, ctx context.Context, steps []browserStep) {
	t.Helper()
	held := complaints(ctx)
	for _, s := range steps {
		if err := chromedp.Do(ctx, s.do); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	for _, complaint := range held() {
		t.Errorf("the browser complains: %s", complaint)
	}
}

// leads does what loads another page, and waits for that.
func leads(do chromedp.Action[chromedp.Void]) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.RunResponse(ctx, do)
		return chromedp.Void{}, err
	}
}

// until waits until a condition of JavaScript holds.
func until(condition string) chromedp.Action[chromedp.Void] {
	return none(chromedp.Poll[bool](condition))
}

// focus gives an element the focus, in one step: what is found in one and focused in another may have been replaced by the page that comes after it.
func focus(selector string) chromedp.Action[chromedp.Void] {
	return until(fmt.Sprintf(`(e => { e?.focus(); return e !== null && document.activeElement === e })(document.querySelector(%q))`, selector))
}

// click waits for an element and clicks it, in one step, as focus does.
func click(selector string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		if _, err := until(fmt.Sprintf(`document.querySelector(%q) !== null`, selector))(ctx, target); err != nil {
			return chromedp.Void{}, err
		}
		return none(chromedp.Evaluate[bool](fmt.Sprintf(`(document.querySelector(%q).click(), true)`, selector)))(ctx, target)
	}
}

// TestBrowserSearch: the way of somebody who looks for a file, by keyboard, and then into it.
func TestBrowserSearch(t *testing.T) {
	ctx := browser(t)
	p, server := newSite(t)
	file, _ := p.keep(t, []byte("MZ and then a text of some length, and nothing else"), []byte("what OCR read"), "text/plain")
	walk(t, ctx, []browserStep{
		{"home", chromedp.Navigate(server.URL + "/")},
		{"focus", focus(`.find input`)},
		{"write", chromedp.KeyEvent("source.na")},
		{"names are offered", until(`document.querySelector('#completions code')?.textContent === 'source.name:'`)},
		{"the list says that it is open", until(`document.querySelector('.find input').getAttribute('aria-expanded') === 'true'`)},
		{"take the first", chromedp.KeyEvent(kb.Tab)},
		{"values are offered", until(`document.querySelector('#completions code')?.textContent === 'local' && document.querySelector('#completions span').textContent === '3 files'`)},
		{"picture", shot("complete")},
		{"down", chromedp.KeyEvent(kb.ArrowDown)},
		{"it is told to screen readers", until(`document.querySelector('.find input').getAttribute('aria-activedescendant') === 'completion-0'`)},
		{"take it", chromedp.KeyEvent(kb.Tab)}, // Enter does, too, but CDP sends its character whatever the page does with the key
		{"it is in the box, the list is closed", until(`document.querySelector('.find input').value === 'source.name:local' && document.querySelector('#completions').hidden`)},
		{"the list opens again", chromedp.KeyEvent(kb.ArrowDown)},
		{"it is open", until(`!document.querySelector('#completions').hidden`)},
		{"escape", chromedp.KeyEvent(kb.Escape)},
		{"it is closed", until(`document.querySelector('#completions').hidden`)},
		{"search", leads(chromedp.KeyEvent(kb.Enter))},
		{"hits", until(`document.querySelector('h1')?.textContent === '3 files'`)},
		{"narrow", leads(click(`.facet a.keep-this[href*="pe32"]`))},
		{"fewer", until(`document.querySelector('h1')?.textContent === '1 file' && document.querySelectorAll('.conditions li').length === 2`)},
		{"picture", shot("search-light")},
		{"open it", leads(click(`.name a`))},
		{"its page", until(`location.pathname === '/file/` + file + `'`)},
		{"focus", focus(`.tags input[name=tag]`)},
		{"write a tag", chromedp.KeyEvent("apt-1")},
		{"something changes", func(context.Context, *chromedp.Target) (chromedp.Void, error) {
			p.apply(index.Batch{Documents: []index.Document{document(file, "another name")}}, file)
			return chromedp.Void{}, nil
		}},
		{"the tag is still in the box", leads(chromedp.KeyEvent(kb.Enter))},
		{"it is there", until(`document.querySelector('.tags .tag a')?.textContent === 'apt-1'`)},
		{"similar files", until(`(e => { if (e && !e.parentElement.open) e.click(); return e?.parentElement.open })(document.querySelector('.lazy summary'))`)}, // as focus does
		{"they come", until(`document.querySelector('.lazy .empty, .lazy table') !== null`)},
		{"hex", leads(click(`.title a[href$="/hex"]`))},
		{"rows", until(`document.querySelector('.hex .ascii')?.textContent === 'MZ and then a te'`)},
		{"focus", focus(`input[name=find]`)},
		{"find", leads(chromedp.KeyEvent("text" + kb.Enter))},
		{"found", until(`[...document.querySelectorAll('.hex .ascii mark.hit')].map(m => m.textContent).join('') === 'text'`)},
		{"picture", shot("hex-light")},
		{"strings", leads(click(`.title a[href$="/strings"]`))},
		{"the string", until(`document.querySelector('.strings .value')?.textContent.startsWith('MZ and then')`)},
		{"where it is", leads(click(`.strings a`))},
		{"marked", until(`document.querySelector('.hex mark.here')?.textContent.startsWith('4D 5A')`)},
		{"graph", chromedp.Navigate(server.URL + "/file/" + sha("b"))},
		{"drawn", until(`document.querySelectorAll('.graph .node').length === 2 && getComputedStyle(document.querySelector('.graph .edge')).fill === 'none'`)},
		{"go up in it", leads(none(chromedp.Evaluate[bool](`document.querySelector('.graph a').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, view: window }))`)))},
		{"there", until(`location.pathname === '/file/` + sha("a") + `'`)},
	})
}

// narrow makes the window as narrow as a telephone.
func narrow(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	return chromedp.Void{}, chromedp.Do(ctx, chromedp.EmulateViewport(400, 800))
}

// TestBrowserNarrow: nothing makes a page wider than a telephone, light or dark.
func TestBrowserNarrow(t *testing.T) {
	ctx := browser(t)
	p, server := newSite(t)
	file, stream := p.keep(t, []byte("MZ and then a text of some length, and nothing else"), []byte("what OCR read"), "text/plain")
	steps := []browserStep{{"narrow", narrow}, {"dark", dark}}
	for name, path := range map[string]string{"search": "/search", "mistake": "/search?q=x)", "help": "/search/help", "file": "/file/" + sha("a"), "hex": "/file/" + file + "/hex?find=text",
		"strings": "/file/" + file + "/strings", "stream": "/file/" + file + "/stream/" + stream, "pivot": pivotTo("nasty", nasty), "similar": "/file/" + file + "/similar",
		"results": "/file/" + sha("a") + "/results", "graph": "/file/" + sha("a") + "/graph", "nothing": "/search?" + url.Values{"q": {nasty}}.Encode()} {
		steps = append(steps, browserStep{"open " + name, chromedp.Navigate(server.URL + path)},
			browserStep{name + " is as wide as the window", until(`document.documentElement.scrollWidth <= window.innerWidth`)}, browserStep{"picture", shot(name + "-narrow")})
	}
	walk(t, ctx, steps)
}
