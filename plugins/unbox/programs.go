package unbox

import (
	"errors"

	"lazuli/plugin"
	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/cab"
	"lazuli/plugins/unbox/inno"
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
	info, err := installer.Detect(b.ctx, b.content, b.content.Size())
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case errors.Is(err, archive.ErrNotThis):
		return plugin.ErrNotMine
	case err != nil:
		return b.damagedArchive(err)
	}
	b.kind = "installer"
	if info.Kind == installer.InnoSetup {
		return b.inno(info)
	}
	return b.walked(installer.Walk(b.ctx, b.content, b.content.Size(), b.visit))
}

// allHashesInno is how many hashes there may be for all passwords of an installer of Inno Setup together: some two seconds' work.
const allHashesInno = 1 << 23

// inno unpacks an installer of Inno Setup. One of a version that is not known is told.
func (b *box) inno(info *installer.Info) error {
	size := b.content.Size()
	options := inno.Options{Dictionary: b.budget.limits.Dictionary}
	lock, err := inno.Locked(b.ctx, b.content, size)
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case errors.Is(err, archive.ErrNotThis):
		b.notes.left(info.Kind + " " + info.Version + ": " + archive.ErrUnsupported.Error())
		return nil
	case lock != nil: // what is damaged, the walk tells
		tries := max(1, min(b.budget.limits.Passwords, allHashesInno/lock.Work()))
		options.Password, err = b.unlock(tries, func(password string, _ bool) error {
			if !lock.Opens(password) {
				return errPassword
			}
			return nil
		})
		if err != nil && !errors.Is(err, errPassword) {
			return err
		}
	}
	return b.walked(inno.WalkWith(b.ctx, b.content, size, options, b.visit))
}

// unlessUnsupported sorts out why a parser stopped; what it recognises and cannot unpack is no damage.
func (b *box) unlessUnsupported(err, unsupported error) error {
	if errors.Is(err, unsupported) && b.job.Err() == nil {
		b.notes.left(damageText(err))
		return nil
	}
	return b.walked(err)
}
