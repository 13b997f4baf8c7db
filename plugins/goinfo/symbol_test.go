package goinfo

import "testing"

func TestParseSymbol(t *testing.T) {
	for _, c := range []struct {
		full, pkg, name string
		method          bool
	}{
		{"main.main", "main", "main", false},
		{"main.main.func1", "main", "main.func1", false},
		{"main.main.func1.2", "main", "main.func1.2", false},
		{"main.main.gowrap1", "main", "main.gowrap1", false},
		{"main.main.deferwrap2", "main", "main.deferwrap2", false},
		{"main.loop-range1", "main", "loop-range1", false},
		{"main.walk.walk-range1", "main", "walk.walk-range1", false},
		{"main.init", "main", "init", false},
		{"main.init.0", "main", "init.0", false},
		{"main.init.0.func1", "main", "init.0.func1", false},
		{"main.init.ializers", "main", "init.ializers", false},
		{"main.glob..func1", "main", "glob..func1", false},
		{"main.map.init.0", "main", "map.init.0", false},
		{"main._Cfunc_puts", "main", "_Cfunc_puts", false},
		{"main.(*T).Run", "main", "(*T).Run", true},
		{"main.(*T).Run-fm", "main", "(*T).Run-fm", true},
		{"main.T.Run", "main", "T.Run", true},
		{"main.T.Run-fm", "main", "T.Run-fm", true},
		{"main.T.Run.func1", "main", "T.Run.func1", false},
		{"main.Map[...]", "main", "Map[...]", false},
		{"main.Map[go.shape.int].func1", "main", "Map[go.shape.int].func1", false},
		{"main.(*List[...]).Push", "main", "(*List[...]).Push", true},
		{"main.Pair[example.com/x.A,example.com/y.B].Sum", "main", "Pair[example.com/x.A,example.com/y.B].Sum", true},
		{"example.com/a/b.F", "example.com/a/b", "F", false},
		{"example.com/a/b.(*T).F", "example.com/a/b", "(*T).F", true},
		{"gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3", "Unmarshal", false},
		{"gopkg.in/bad%zz.F", "gopkg.in/bad%zz", "F", false},
		{"vendor/golang.org/x/net/idna.init", "vendor/golang.org/x/net/idna", "init", false},
		{"go/ast.Walk", "go/ast", "Walk", false},
		{"type:.eq.main.T", "", "type:.eq.main.T", false},
		{"type..hash.main.T", "", "type..hash.main.T", false},
		{"go:buildid", "", "go:buildid", false},
		{"go.buildid", "", "go.buildid", false},
		{"go.(*struct { sync.Mutex }).Lock", "", "go.(*struct { sync.Mutex }).Lock", false},
		{"struct { sync.Mutex; main.x }.Lock", "", "struct { sync.Mutex; main.x }.Lock", false},
		{"_rt0_amd64_linux", "", "_rt0_amd64_linux", false},
		{"__x86.get_pc_thunk.ax", "", "__x86.get_pc_thunk.ax", false},
		{"_/home/eve/rat.F", "_/home/eve/rat", "F", false},
		{"aeshashbody", "", "aeshashbody", false},
		{"", "", "", false},
		{".", "", ".", false},
		{"/", "", "/", false},
		{"a/.b", "", "a/.b", false},
	} {
		if got, want := parseSymbol(c.full), (symbol{c.pkg, c.name, c.method}); got != want {
			t.Errorf("%q is %+v, want %+v", c.full, got, want)
		}
	}
}
