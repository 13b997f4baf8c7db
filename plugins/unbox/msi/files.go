package msi

import (
	"context"
	"errors"
	"strings"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/cfb"
)

const (
	mostFolders = 64   // in one another
	mostPath    = 4096 // bytes
)

// layout says where files of cabinets, which have keys for names there, are installed.
type layout struct {
	files   map[string]placed // by key of the table File
	folders map[string]folder // by key of the table Directory
	homes   map[string]string // folders of components
}

type placed struct{ component, name string }

type folder struct{ parent, name string }

// readLayout reads the tables File, Component and Directory. One that is missing or damaged leaves names shorter.
func (d *database) readLayout(ctx context.Context, f *cfb.File, streams map[string]*cfb.Entry) (*layout, error) {
	l := &layout{map[string]placed{}, map[string]folder{}, map[string]string{}}
	each := func(name string, columns []string, add func(values []string)) error {
		if streams["!"+name] == nil {
			return nil
		}
		data, err := readStream(ctx, f, streams["!"+name])
		if err != nil && !errors.Is(err, archive.ErrDamaged) {
			return err
		}
		t := newTable(d, d.tables[name], data)
		var at []int
		for _, c := range columns {
			i := t.column(c)
			if i < 0 {
				return nil
			}
			at = append(at, i)
		}
		values := make([]string, len(at))
		for row := range t.rows {
			for i, col := range at {
				values[i] = t.text(row, col)
			}
			add(values)
		}
		return nil
	}
	err := each("File", []string{"File", "Component_", "FileName"}, func(v []string) { l.files[v[0]] = placed{v[1], long(v[2])} })
	if err != nil {
		return nil, err
	}
	if err := each("Component", []string{"Component", "Directory_"}, func(v []string) { l.homes[v[0]] = v[1] }); err != nil {
		return nil, err
	}
	err = each("Directory", []string{"Directory", "Directory_Parent", "DefaultDir"}, func(v []string) {
		target, _, _ := strings.Cut(v[2], ":") // where it is installed to, not from
		l.folders[v[0]] = folder{v[1], long(target)}
	})
	return l, err
}

// long is the long one of two names of a file.
func long(names string) string {
	if _, name, ok := strings.Cut(names, "|"); ok {
		return name
	}
	return names
}

// path is where the file with a key is installed, "" if the tables do not say.
func (l *layout) path(key string) string {
	file, ok := l.files[key]
	if !ok || file.name == "" {
		return ""
	}
	path, at := file.name, l.homes[file.component]
	for range mostFolders {
		f, ok := l.folders[at]
		if !ok || at == "TARGETDIR" {
			return path
		}
		name := f.name
		if name == "." && strings.HasSuffix(at, "Folder") {
			name = at // a property that Windows sets, as ProgramFilesFolder
		}
		if name != "." && name != "" && len(name)+len(path) < mostPath {
			path = name + "/" + path
		}
		at = f.parent
	}
	return path
}
