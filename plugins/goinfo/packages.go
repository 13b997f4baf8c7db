package goinfo

import (
	_ "embed"
	"path"
	"slices"
	"strings"
)

// origin is whose a package is.
type origin int

const (
	firstParty origin = iota
	vendor
	standard
)

// standardList is `go list std` of all releases from 1.9 on and of all systems, one a line.
//
//go:embed std.txt
var standardList string

var standardPackages = func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(standardList) {
		all[strings.TrimSpace(line)] = true
	}
	return all
}()

// isStandard tells whether a package is known to come with Go.
func isStandard(pkg string) bool {
	for _, prefix := range []string{"vendor/golang.org/", "vendor/golang_org/", "cmd/", "_cgo_"} {
		if strings.HasPrefix(pkg, prefix) {
			return true
		}
	}
	return standardPackages[pkg]
}

// Limits on what is remembered of packages.
const (
	mostPackages    = 20_000
	mostPackagePath = 1024 // bytes
	mostFolders     = 16   // of one package: code of others that was inlined is counted as well
)

// goPackage is a package that functions of the file belong to.
type goPackage struct {
	path    string
	folders map[string]int // how many functions have their source there
	main    bool           // has a function main
}

// folder is where the source of most functions lies. Of equal numbers the first by name counts.
func (p *goPackage) folder() string {
	best, most := "", 0
	for name, n := range p.folders {
		if n > most || n == most && name < best {
			best, most = name, n
		}
	}
	return best
}

// packageSet collects the packages of a file.
type packageSet struct {
	byPath map[string]*goPackage
	full   bool // there are more than are remembered
}

func newPackageSet() *packageSet { return &packageSet{byPath: map[string]*goPackage{}} }

// add counts a function.
func (s *packageSet) add(y symbol, file string) {
	if y.pkg == "" {
		return
	}
	p := s.byPath[y.pkg]
	if p == nil {
		if len(s.byPath) >= mostPackages || len(y.pkg) > mostPackagePath {
			s.full = true
			return
		}
		p = &goPackage{path: y.pkg, folders: map[string]int{}}
		s.byPath[y.pkg] = p
	}
	if y.name == "main" && !isStandard(y.pkg) {
		p.main = true
	}
	folder := path.Dir(strings.ReplaceAll(file, `\`, "/"))
	if file == "" || folder == "." || strings.HasPrefix(file, "<") || len(folder) > mostPackagePath {
		return
	}
	if _, known := p.folders[folder]; known || len(p.folders) < mostFolders {
		p.folders[folder]++
	}
}

// root is the folder that the standard library was compiled from; "" when it is not known, as with -trimpath.
func (s *packageSet) root() string {
	if p := s.byPath["runtime"]; p != nil {
		if root, found := strings.CutSuffix(p.folder(), "/runtime"); found {
			return root
		}
	}
	return ""
}

// classifier tells whose packages are.
type classifier struct {
	own    []string // paths of the modules whose source lay beside the program's, and its own; none without build information
	root   string   // folder of the standard library
	main   string   // path of package main: "main", but for plugins
	folder string   // of package main
	repo   string   // import path of the repository that main lies in, as far as its folder shows it
}

func newClassifier(info *buildInfo, s *packageSet) *classifier {
	c := &classifier{root: s.root()}
	if info != nil && (info.path != "" || info.main.path != "") {
		c.own = append(c.own, info.main.path, info.path)
		for _, d := range info.deps {
			if d.local() {
				c.own = append(c.own, d.path)
			}
		}
	}
	p := s.mainPackage()
	if p == nil {
		return c
	}
	c.main, c.folder = p.path, p.folder()
	source := c.folder // -trimpath leaves the import path
	if _, after, found := strings.Cut(c.folder, "/src/"); found {
		source = after
	}
	if p.path != "main" {
		source = p.path
	}
	c.repo = repository(source)
	return c
}

// mainPackage returns the package that is the program: main, or in plugins, where it has its own path, the first that has a function main. nil if there is none.
func (s *packageSet) mainPackage() *goPackage {
	if p := s.byPath["main"]; p != nil {
		return p
	}
	var first *goPackage
	for _, p := range s.byPath {
		if p.main && (first == nil || p.path < first.path) {
			first = p
		}
	}
	return first
}

// hosts of repositories of many owners.
var sharedHosts = []string{"bitbucket.org", "codeberg.org", "gitee.com", "github.com", "gitlab.com"}

// repository returns the import path of the repository that a package lies in; "" if that is not to be seen.
func repository(pkg string) string {
	parts, n := strings.Split(pkg, "/"), 2
	if slices.Contains(sharedHosts, parts[0]) {
		n = 3
	}
	if !isHost(parts[0]) || len(parts) < n {
		return ""
	}
	return strings.Join(parts[:n], "/")
}

// origin tells whose a package is.
func (c *classifier) origin(p *goPackage) origin {
	folder := p.folder()
	first, _, _ := strings.Cut(p.path, "/")
	switch {
	case p.path == c.main:
		return firstParty
	case isStandard(p.path), c.root != "" && folder == c.root+"/"+p.path:
		return standard
	case strings.Contains(p.path, "/vendor/"):
		return vendor
	case len(c.own) > 0: // the build information names every module
		if slices.ContainsFunc(c.own, func(module string) bool { return below(p.path, module) }) {
			return firstParty
		}
		if c.root == "" && folder == p.path && !isHost(first) { // -trimpath leaves the version in the folders of others
			return standard
		}
		return vendor
	}
	return c.byFolder(p, folder)
}

// byFolder goes by where the source lay, and by the path itself, when there is no build information.
func (c *classifier) byFolder(p *goPackage, folder string) origin {
	switch {
	case strings.Contains(folder, "@v"), strings.Contains(folder, "/vendor/"):
		return vendor
	case c.folder != "" && below(folder, c.folder), c.repo != "" && below(p.path, c.repo):
		return firstParty
	}
	if first, _, _ := strings.Cut(p.path, "/"); isHost(first) {
		return vendor
	}
	return firstParty // it is nobody else's
}

// below tells whether a path is a folder or below it.
func below(p, folder string) bool {
	if folder == "" || !strings.HasPrefix(p, folder) {
		return false
	}
	return len(p) == len(folder) || p[len(folder)] == '/'
}

// isHost tells whether the first part of an import path is a host's name, as those of downloaded packages are.
func isHost(part string) bool { return strings.Contains(part, ".") }

// sorted returns the packages of an origin: main first, then by path.
func (s *packageSet) sorted(c *classifier, want origin) []*goPackage {
	var list []*goPackage
	for _, p := range s.byPath {
		if c.origin(p) == want {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *goPackage) int {
		switch {
		case a.path == c.main:
			return -1
		case b.path == c.main:
			return 1
		}
		return strings.Compare(a.path, b.path)
	})
	return list
}

// importPath is the path without the folder of a program that carries the package with it.
func (p *goPackage) importPath() string {
	if at := strings.LastIndex(p.path, "/vendor/"); at >= 0 {
		return p.path[at+len("/vendor/"):]
	}
	return p.path
}
