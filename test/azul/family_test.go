package azul

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
)

// testFamily: files that a plugin finds in files become events, can be read whole and in part, and are processed in their turn;
// so do streams that it adds to the file itself.
func testFamily(ctx context.Context, t *testing.T, s *suite) {
	s.run(t, "family.py")
	rest := strings.Repeat("0123456789abcdef", 1<<17) + "last" // 2 MiB: more than azul-runner reads at once
	member := func(n int) (content, sha string) {
		content = fmt.Sprintf("family %d%s", n, rest)
		return content, sum(content)
	}
	content, root := member(2)
	s.submit(ctx, t, content)

	for n := 2; n >= 0; n-- {
		content, sha := member(n)
		s.wantState(ctx, t, "Family", sha, event.Completed)
		own := s.binary(ctx, t, event.Augmented, "Family", sha)
		var values []string
		for _, f := range own.Entity.Features {
			values = append(values, fmt.Sprint(f.Value, f.Label, place(f.Offset)))
		}
		slices.Sort(values)
		if want := fmt.Sprintf("[%s%d lastend-]", content[1048586:1048590], 1048586); fmt.Sprint(values) != want {
			t.Errorf("member %d: features %v, want %s", n, values, want)
		}
		streams := map[event.Label]string{"content": content, "text": fmt.Sprintf("member %d", n), "report": fmt.Sprintf(`{"member": %d}`, n)}
		if n == 0 {
			for _, label := range event.Labels {
				if _, ok := streams[label]; !ok {
					streams[label] = "stream " + string(label)
				}
			}
		}
		wantStreams(t, own, streams)
		s.wantContent(ctx, t, "text", fmt.Sprintf("member %d", n))
		s.wantContent(ctx, t, "report", fmt.Sprintf(`{"member": %d}`, n))
		if n == 0 {
			break
		}

		childContent, childSHA := member(n - 1)
		child := s.binary(ctx, t, event.Extracted, "Family", childSHA)
		wantStreams(t, child, map[event.Label]string{"content": childContent, "text": fmt.Sprintf("said of member %d by its parent", n-1)})
		wantPath(t, child, root, 3-n, map[string]string{"action": "extracted", "method": "counting down"})
		if child.Entity.FileFormat != "text/plain" || child.Entity.Size != uint64(len(childContent)) || child.Entity.MD5 == "" {
			t.Errorf("child: %s, %d bytes", child.Entity.FileFormat, child.Entity.Size)
		}
		if !slices.ContainsFunc(child.Entity.Features, func(f event.Feature) bool {
			return f.Name == "filename" && f.Type == event.Filepath && f.Value == fmt.Sprintf("family-%d.txt", n-1)
		}) {
			t.Errorf("the child has no filename: %+v", child.Entity.Features)
		}
		s.wantContent(ctx, t, "content", childContent)

		text := fmt.Sprintf("grandchild of %d", n)
		grandchild := s.binary(ctx, t, event.Extracted, "Family", sum(text))
		wantStreams(t, grandchild, map[event.Label]string{"content": text})
		wantPath(t, grandchild, root, 4-n, map[string]string{"action": "unwrapped"})
		if string(grandchild.Entity.Info) != fmt.Sprintf(`{"of":%d}`, n) {
			t.Errorf("the grandchild's info is %s", grandchild.Entity.Info)
		}
		s.wantContent(ctx, t, "content", text)
		s.wantState(ctx, t, "Family", sum(text), event.OptOut)
	}
	testSelf(ctx, t, s)
}

// testSelf: a file that is found in itself is processed down to the depth at which azul-runner opts out, and no further.
func testSelf(ctx context.Context, t *testing.T, s *suite) {
	sha := s.submit(ctx, t, "family self")
	var words []event.State
	s.until(ctx, t, "the end of the recursion", func(events []event.Event) bool {
		words = words[:0]
		for _, status := range statuses(events, "Family", sha) {
			if status.Entity.Status.Final() {
				words = append(words, status.Entity.Status)
			}
		}
		return slices.Contains(words, event.OptOut)
	})
	if want := append(slices.Repeat([]event.State{event.Completed}, 9), event.OptOut); !slices.Equal(words, want) {
		t.Errorf("it was processed with %v, want %v", words, want)
	}
}

// wantStreams checks which streams an event names.
func wantStreams(t *testing.T, ev *event.Binary, want map[event.Label]string) {
	t.Helper()
	got := map[event.Label]string{}
	for _, d := range ev.Entity.Datastreams {
		got[d.Label] = d.SHA256
	}
	for label, content := range want {
		if got[label] != sum(content) {
			t.Errorf("stream %s of %s is %q, want %q (%.40s…)", label, ev.Entity.SHA256, got[label], sum(content), content)
		}
	}
	if len(ev.Entity.Datastreams) != len(want) {
		t.Errorf("streams %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// wantPath checks where a child says that it comes from: depth steps below the root, the last of them with the relationship.
func wantPath(t *testing.T, ev *event.Binary, root string, depth int, relationship map[string]string) {
	t.Helper()
	path := ev.Source.Path
	if len(path) != depth+1 || path[0].SHA256 != root || path[0].Action != event.Sourced {
		t.Fatalf("the path of %s has %d steps, want %d: %+v", ev.Entity.SHA256, len(path), depth+1, path)
	}
	last := path[len(path)-1]
	if last.SHA256 != ev.Entity.SHA256 || last.Action != event.Extracted || last.Author.Name != "Family" || !maps.Equal(last.Relationship, relationship) {
		t.Errorf("the last step is %+v, want an extraction with %v", last, relationship)
	}
}

// wantContent reads a stream from the platform: whole, and by every kind of range.
func (s *suite) wantContent(ctx context.Context, t *testing.T, label, content string) {
	t.Helper()
	n := len(content)
	for _, c := range []struct {
		header, want string
		code         int
	}{
		{"", content, http.StatusOK},
		{"bytes=0-0", content[:1], http.StatusPartialContent},
		{fmt.Sprintf("bytes=3-%d", n-2), content[3 : n-1], http.StatusPartialContent},
		{fmt.Sprintf("bytes=%d-", n/2), content[n/2:], http.StatusPartialContent},
		{"bytes=-5", content[n-5:], http.StatusPartialContent},
		{fmt.Sprintf("bytes=4-%d", n+100), content[4:], http.StatusPartialContent},
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/v3/stream/test/%s/%s", s.Plugins, label, sum(content)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.header != "" {
			req.Header.Set("Range", c.header)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != c.code || string(got) != c.want {
			t.Errorf("%s of %s %.40s…: %s, %d bytes %.40q…, error %v; want %d, %d bytes", c.header, label, content, res.Status, len(got), got, err, c.code, len(c.want))
		}
	}
}

func sum(content string) string {
	hash := sha256.Sum256([]byte(content))
	return hex.EncodeToString(hash[:])
}
