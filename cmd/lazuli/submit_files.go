package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// stdinPath is how standard input is named on the command line.
const stdinPath = "-"

// foundFile is a file to submit.
type foundFile struct {
	path string // as the user would write it; stdinPath for standard input
	name string // as it is told to the platform: for a file in a folder, with the folders below the one that was named
	size int64  // bytes; negative if it is not known
	walk bool   // found in a folder: a link that took its place must not be followed
}

// found is what the arguments of submit name.
type found struct {
	files   []foundFile
	skipped []skippedFile
	failed  []submittedFile // could not be looked at
}

// findFiles looks at every argument and walks folders. A link that is named itself is followed, one in a folder is not.
func findFiles(args []string) *found {
	f := &found{}
	for _, arg := range args {
		if arg == stdinPath {
			f.files = append(f.files, foundFile{path: stdinPath, name: "stdin", size: -1})
			continue
		}
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			f.fail(arg, err)
		case info.IsDir():
			f.walk(arg)
		default:
			f.add(foundFile{path: arg, name: filepath.Base(arg), size: info.Size()}, info)
		}
	}
	return f
}

func (f *found) walk(root string) {
	// A link that is named itself is a folder to the user: WalkDir goes into it only with a slash at the end.
	_ = filepath.WalkDir(root+string(filepath.Separator), func(path string, entry fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		if err != nil {
			f.fail(path, err)
			return nil // and go on with the rest
		}
		if entry.IsDir() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			f.fail(path, err)
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			name = filepath.Base(path)
		}
		f.add(foundFile{path: path, name: filepath.ToSlash(name), size: info.Size(), walk: true}, info)
		return nil
	})
}

func (f *found) add(file foundFile, info fs.FileInfo) {
	reason := ""
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		reason = "symbolic link"
	case !mode.IsRegular():
		reason = "not a regular file"
	case info.Size() == 0:
		reason = "empty"
	default:
		f.files = append(f.files, file)
		return
	}
	f.skipped = append(f.skipped, skippedFile{file.path, reason})
}

func (f *found) fail(path string, err error) {
	failed := submittedFile{Path: path}
	failed.fail(withoutPath(err))
	f.failed = append(f.failed, failed)
}

// withoutPath is the bare reason, for where the path stands beside it.
func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// open opens the file for reading. What was a regular file may be a link or a pipe by now: the one is refused, the other
// must not be waited for.
func (f foundFile) open() (*os.File, error) {
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if f.walk {
		flags |= syscall.O_NOFOLLOW
	}
	file, err := os.OpenFile(f.path, flags, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, errors.Join(err, errors.New("it is no longer a regular file"))
	}
	return file, nil
}
