package unbox

import (
	"errors"
	"io"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/arj"
)

// arj takes an archive of ARJ apart. All that is garbled in one has one password.
func (b *box) arj() error {
	b.kind = "arj"
	size := b.content.Size()
	password := ""
	garbled := false
	err := arj.Walk(b.ctx, b.content, size, func(e archive.Entry, _ io.Reader) error {
		garbled = garbled || e.Encrypted
		return nil
	})
	if garbled && b.job.Err() == nil {
		password, err = b.unlock(b.budget.limits.Passwords, func(candidate string, _ bool) error {
			fits, err := arj.Opens(b.ctx, b.content, size, candidate)
			if err == nil && !fits {
				return errPassword
			}
			return err
		})
	}
	if b.job.Err() != nil {
		return b.job.Err()
	}
	if err != nil && !errors.Is(err, errPassword) {
		password = "" // the walk tells what is damaged
	}
	return b.walked(arj.WalkWithPassword(b.ctx, b.content, size, password, b.visit))
}
