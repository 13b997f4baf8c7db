package goinfo

import (
	"context"
	"errors"
	"fmt"
)

// program is what is known of a Go program before it is published. Any part may be missing.
type program struct {
	*image
	info    *buildInfo
	buildID string
	table   *pclntab
	module  *moduleData
	text    uint64 // address at which the code begins; 0 when it is not known
}

// readProgram finds what there is of Go in an image; nil if there is nothing.
func readProgram(ctx context.Context, m *image) (*program, error) {
	p := &program{image: m, buildID: m.buildID}
	var damage error
	p.table, p.module, damage = m.tableOfSection()
	p.info = m.infoOfSection()
	if p.table == nil || p.info == nil {
		found, err := m.sweep(p.table == nil)
		if err != nil {
			return nil, err
		}
		if p.table == nil {
			p.table, p.module = m.tableOf(found)
		}
		if p.info == nil {
			p.info = m.infoOf(found)
		}
	}
	if p.buildID == "" {
		p.buildID = m.buildIDFromText()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch {
	case p.table != nil:
		p.text = p.codeStart()
	case p.info == nil && p.buildID == "":
		return nil, nil
	default:
		m.notes.damaged(damage.Error())
	}
	return p, nil
}

// codeStart returns what entries of the function table count from. Where neither the module nor the table says it, it is the beginning of the code's section, unless
// code of another compiler stands there: then the entries do not fit.
func (p *program) codeStart() uint64 {
	if p.module != nil {
		return p.module.text
	}
	starts := []uint64{p.table.textStart}
	for _, name := range textSections {
		starts = append(starts, p.named[name].addr)
	}
	for _, start := range starts {
		if start != 0 && p.reachesCode(p.table, start) {
			return start
		}
	}
	return 0
}

const checkEvery = 1 << 12 // functions, until the clock is looked at

// eachFunction calls fn for every function that can be read, in the order of addresses, and returns what is wrong with the others.
func (p *program) eachFunction(ctx context.Context, fn func(function)) (damage error, err error) {
	if len(p.table.funcs) == 0 {
		p.table.eachName(func(name string) { fn(function{name: name}) })
		return errTableEnd, nil
	}
	bad := 0
	p.table.budget = mostNames
	for i := range int(p.table.count) {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f, err := p.table.function(i, p.text)
		if errors.Is(err, errNamesTooLong) {
			return err, nil
		}
		if err != nil {
			if bad++; bad == 1 {
				damage = err
			}
			continue
		}
		fn(f)
	}
	if bad > 0 {
		damage = fmt.Errorf("%d of %d functions cannot be read: %w", bad, p.table.count, damage)
	}
	return damage, nil
}

// version returns the compiler's version, and how it is known when it is not written down.
func (p *program) version() (version, how string) {
	if p.info != nil && p.info.version != "" && p.info.version != unknownVersion {
		return p.info.version, ""
	}
	if version = p.findVersion(); version != "" {
		return version, ""
	}
	how = "by the layout of its tables"
	if p.module != nil {
		return p.module.release, how
	}
	if p.table != nil {
		if version = p.table.release(); version != "" {
			return version, how
		}
	}
	return "", ""
}

// unknownVersion is what garble leaves of the version.
const unknownVersion = "unknown"

// obfuscator returns the tool that removed names, and what shows it. garble sets the version, and gives the function table a magic that its own runtime knows.
func (p *program) obfuscator() (tool, sign string) {
	switch odd := p.table != nil && !isKnownMagic(p.table.magic); {
	case p.info != nil && p.info.version == unknownVersion && odd:
		return "garble", "version removed, function table with a magic of its own"
	case p.info != nil && p.info.version == unknownVersion:
		return "garble", "version removed"
	case odd:
		return "unknown", "function table with a magic of its own"
	}
	return "", ""
}
