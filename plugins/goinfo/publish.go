package goinfo

import (
	"context"
	"errors"

	"lazuli/plugin"
)

// publish sets all features of a program.
func (p *program) publish(ctx context.Context, job *plugin.Job) error {
	out := &publisher{job: job}
	p.publishBuild(out)
	if p.table != nil {
		packages := newPackageSet()
		damage, err := p.eachFunction(ctx, func(f function) { packages.add(parseSymbol(f.name), f.file) })
		if err != nil {
			return err
		}
		if damage != nil {
			p.notes.damaged(damage.Error())
		}
		if packages.full {
			p.notes.left("there are more packages than are told")
		}
		c := newClassifier(p.info, packages)
		publishPackages(out, c, packages)
		if err := p.publishFunctions(ctx, out, c, packages); err != nil {
			return err
		}
		if err := p.publishTypes(ctx, out, c, packages); err != nil {
			return err
		}
	}
	return out.err
}

// publisher sets features, and remembers the first error: the job cannot go on after one, and what follows does no harm.
type publisher struct {
	job *plugin.Job
	err error
}

func (o *publisher) set(name string, value string, opts ...plugin.FeatureOption) {
	if err := o.job.Feature(name, value, opts...); err != nil && o.err == nil {
		o.err = err
	}
}

// set with something that may be missing.
func (o *publisher) setIf(name, value string) {
	if value != "" {
		o.set(name, value)
	}
}

// labelled is the label, if there is one.
func labelled(text string) []plugin.FeatureOption {
	if text == "" {
		return nil
	}
	return []plugin.FeatureOption{plugin.Label(text)}
}

// publishBuild tells how the program was built.
func (p *program) publishBuild(out *publisher) {
	out.setIf("go_build_id", p.buildID)
	if version, how := p.version(); version != "" {
		out.set("go_compiler_version", version, labelled(how)...)
		if how == "" {
			out.setIf("go_compiler_timestamp", released(version))
		}
	}
	if tool, sign := p.obfuscator(); tool != "" {
		out.set("go_obfuscator", tool, plugin.Label(sign))
	}
	if p.info == nil {
		return
	}
	for _, s := range p.info.settings {
		out.set("go_compiler_flag", s.value, plugin.Label(s.key))
	}
	if m := p.info.main; m.path != "" {
		out.set("go_module", m.path, labelled(m.version)...)
	}
	for _, d := range p.info.deps {
		out.set("go_dependency", d.path, labelled(d.version)...)
		if r := d.replacement; r != nil {
			out.set("go_dependency", r.path, labelled(r.version)...)
		}
	}
}

// publishPackages tells the packages, each where it belongs, and where their source lay.
func publishPackages(out *publisher, c *classifier, packages *packageSet) {
	for _, kind := range []struct {
		origin  origin
		feature string
	}{{firstParty, "go_package"}, {vendor, "go_vendor_package"}, {standard, "go_standard_package"}} {
		for _, pkg := range packages.sorted(c, kind.origin) {
			out.set(kind.feature, pkg.importPath())
			if kind.origin != standard {
				out.setIf("go_file", pkg.folder())
			}
		}
	}
	out.setIf("go_root", c.root)
}

// publishFunctions tells the functions and methods of the program's own packages, those of main first: there may be more than can be kept.
func (p *program) publishFunctions(ctx context.Context, out *publisher, c *classifier, packages *packageSet) error {
	own := map[string]bool{}
	for _, pkg := range packages.sorted(c, firstParty) {
		own[pkg.path] = true
	}
	type found struct {
		symbol
		function
	}
	const functions, methods = "go_package_function", "go_package_method"
	others := map[string][]found{}
	set := func(feature string, f found) {
		opts := []plugin.FeatureOption{plugin.Label(f.pkg)}
		if offset, size, ok := p.code(f.entry, f.end); ok {
			opts = append(opts, plugin.At(offset, size))
		}
		out.set(feature, f.symbol.name, opts...)
	}
	_, err := p.eachFunction(ctx, func(f function) {
		s := parseSymbol(f.name)
		feature := functions
		if s.method {
			feature = methods
		}
		switch {
		case !own[s.pkg]:
		case s.pkg == c.main:
			set(feature, found{s, f})
		case len(others[feature]) <= plugin.MaxValuesPerFeature:
			others[feature] = append(others[feature], found{s, f})
		}
	})
	for _, feature := range []string{functions, methods} {
		for _, f := range others[feature] {
			set(feature, f)
		}
	}
	return err
}

// code returns where in the content a function lies; false if that is not in code.
func (p *program) code(entry, end uint64) (offset, size uint64, ok bool) {
	r := p.at(entry)
	if r == nil || !r.executable {
		return 0, 0, false
	}
	offset, ok = p.offset(entry)
	return offset, min(end, r.end()) - entry, ok
}

// publishTypes tells the types of the program's own packages. Those that cannot be read are left out without a word: releases differ.
func (p *program) publishTypes(ctx context.Context, out *publisher, c *classifier, packages *packageSet) error {
	if p.module == nil {
		return nil
	}
	r := newTypeReader(p.image, p.table, p.module)
	if r == nil {
		return nil
	}
	own := map[string]bool{}
	err := r.each(ctx, func(t typeInfo) {
		is, known := own[t.pkg]
		if !known && len(own) < mostPackages {
			pkg := packages.byPath[t.pkg]
			if pkg == nil {
				pkg = &goPackage{path: t.pkg}
			}
			is = c.origin(pkg) == firstParty
			own[t.pkg] = is
		}
		if !is {
			return
		}
		if offset, ok := p.offset(t.addr); ok && !t.pointer {
			out.set("go_type", t.name, plugin.Label(t.kind), plugin.At(offset, t.size))
		}
		for _, method := range t.methods {
			out.set("go_type_method", method, plugin.Label(t.name))
		}
	})
	if errors.Is(err, errTooManyTypes) {
		p.notes.left(err.Error())
		return nil
	}
	return err
}
