// Package goinfo tells how a Go program was built and what is in it: the compiler and its settings, modules, packages, functions, types.
//
// All of it is there for the runtime's sake and survives the strip. The tables are found by what they are, not by the names of sections, and read by parsers of this
// package that believe no number; what is damaged is told as far as it can be read. Begin with Plugin.Run and program.read. elf.go, pe.go and macho.go know where things
// lie; buildinfo.go, pclntab.go, module.go and types.go what they mean; packages.go whose they are.
package goinfo

import (
	"context"
	"errors"

	"lazuli/event"
	"lazuli/plugin"
)

// Plugin analyses executables, libraries and archives that Go's own compiler made.
type Plugin struct{}

// New makes the plugin.
func New() Plugin { return Plugin{} }

// Spec implements plugin.Plugin. Names and types of features are those of the plugin of the same name in Azul, as far as it has them.
func (Plugin) Spec() plugin.Spec {
	return plugin.Spec{
		Name: "GoInfo", Version: "2026.11.30",
		Description: "Build information, packages, functions and types of Go programs",
		Features: []plugin.Feature{
			{Name: "go_build_id", Type: event.String, Description: "Go build ID"},
			{Name: "go_compiler_flag", Type: event.String, Description: "value of a build setting; the label is its name"},
			{Name: "go_compiler_timestamp", Type: event.String, Description: "day on which the compiler was released"},
			{Name: "go_compiler_version", Type: event.String, Description: "version of the compiler; the label says how it is known when the build information does not say it"},
			{Name: "go_dependency", Type: event.String, Description: "path of a module that the program depends on; the label is its version"},
			{Name: "go_file", Type: event.String, Description: "folder that the source of a package was compiled from"},
			{Name: "go_module", Type: event.String, Description: "path of the program's own module; the label is its version"},
			{Name: "go_obfuscator", Type: event.String, Description: "tool that the names were removed with; the label says what shows it"},
			{Name: "go_package", Type: event.String, Description: "package of the program itself"},
			{Name: "go_package_function", Type: event.String, Description: "function of the program's own packages, where its code lies in the file; the label is the package"},
			{Name: "go_package_method", Type: event.String, Description: "method of the program's own packages, where its code lies in the file; the label is the package"},
			{Name: "go_root", Type: event.String, Description: "folder that the standard library was compiled from"},
			{Name: "go_standard_package", Type: event.String, Description: "package of the standard library that the program uses"},
			{Name: "go_type", Type: event.String, Description: "type of the program's own packages, where its descriptor lies in the file; the label is its kind"},
			{Name: "go_type_method", Type: event.String, Description: "method of a type of the program's own packages; the label is the type"},
			{Name: "go_vendor_package", Type: event.String, Description: "package of somebody else's that the program uses"},
		},
		Wants: plugin.Wants{Streams: map[event.Label][]string{event.LabelContent: {
			"archive/ar", "executable/dll32", "executable/linux/", "executable/mach-o", "executable/pe32", "executable/windows/",
		}}},
	}
}

var errNotExecutable = errors.New("this is no executable")

// Run implements plugin.Plugin.
func (Plugin) Run(ctx context.Context, job *plugin.Job) error {
	content, err := job.Content()
	if err != nil {
		return err
	}
	whole := file{content, 0, content.Size()}
	all := &notes{}
	executable, found := false, false
	parts := partsOf(whole)
	for _, part := range parts {
		m := openImage(part)
		if m == nil {
			continue
		}
		executable = true
		p, err := readProgram(ctx, m)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		found = true
		if err := p.publish(ctx, job); err != nil {
			return err
		}
		if len(parts) > 1 {
			all.where = m.name
		}
		all.add(m.notes)
	}
	switch {
	case job.Err() != nil: // a file that cannot be read looks like another one
		return job.Err()
	case !executable:
		return plugin.OptOut("wrong_file_type", "the file is no ELF, PE or Mach-O")
	case !found && packedWithUPX(whole):
		return plugin.OptOut("packed", "the file is packed with UPX: whether it is a Go program shows when it is unpacked")
	case !found:
		return plugin.OptOut("not_go", "the file is no Go program")
	}
	return all.verdict()
}
