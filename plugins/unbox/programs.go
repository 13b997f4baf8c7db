package unbox

import (
	"errors"

	"lazuli/plugin"
	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/cab"
	"lazuli/plugins/unbox/installer"
	"lazuli/plugins/unbox/upx"
)

var (
	windowsPrograms = []string{
		"executable/pe32", "executable/windows/pe", "executable/windows/pe32", "executable/windows/pe64",
	}
	// allPrograms are those that UPX packs.
	allPrograms = append([]string{
		"executable/dll32", "executable/windows/dll32", "executable/windows/dll64", "executable/windows/dos", "executable/windows/com",
		"executable/linux/elf32", "executable/linux/elf64", "executable/linux/so32", "executable/linux/so64", "executable/mach-o",
	}, windowsPrograms...)
)

// cabProgram takes out what lies in the cabinets of a program that unpacks itself.
func (b *box) cabProgram() error {
	found, err := cab.Find(b.ctx, b.content, b.content.Size())
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case err != nil:
		return err
	case len(found) == 0:
		return plugin.ErrNotMine
	}
	b.kind = "cab"
	for _, section := range found {
		if err := b.walked(cab.Walk(b.ctx, section, section.Size(), b.visit)); err != nil {
			return err
		}
	}
	return nil
}

// upxProgram unpacks a program that UPX packed. One that was altered, or packed in a way that is not known here, is told with what it says
// of itself.
func (b *box) upxProgram() error {
	info, err := upx.Detect(b.content, b.content.Size())
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case errors.Is(err, archive.ErrNotThis):
		return plugin.ErrNotMine
	case err != nil:
		return b.damagedArchive(err)
	}
	b.kind, b.action = "upx", "unpacked"
	version := info.Version
	if info.Modified {
		version = "upx modified"
	}
	if version != "" {
		if err := b.job.Feature("upx_version", version); err != nil {
			return err
		}
	}
	return b.unlessUnsupported(upx.Walk(b.ctx, b.content, b.content.Size(), b.visit), upx.ErrUnsupported)
}

// installer unpacks an installer.
func (b *box) installer() error {
	_, err := installer.Detect(b.ctx, b.content, b.content.Size())
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case errors.Is(err, archive.ErrNotThis):
		return plugin.ErrNotMine
	case err != nil:
		return b.damagedArchive(err)
	}
	b.kind = "installer"
	return b.unlessUnsupported(installer.Walk(b.ctx, b.content, b.content.Size(), b.visit), installer.ErrUnsupported)
}

// unlessUnsupported sorts out why a parser stopped; what it recognises and cannot unpack is no damage.
func (b *box) unlessUnsupported(err, unsupported error) error {
	if errors.Is(err, unsupported) && b.job.Err() == nil {
		b.notes.left(damageText(err))
		return nil
	}
	return b.walked(err)
}
