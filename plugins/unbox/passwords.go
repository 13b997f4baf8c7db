package unbox

import (
	"errors"
	"slices"
)

// defaultPasswords are those that malware is passed around with.
var defaultPasswords = []string{"password", "infected"}

// mostLocked is how many entries no password has to fit before one stops trying: mostly all have the same.
const mostLocked = 3

// passwords are those that may open an archive, in the order in which they are tried: those that opened something, the usual ones, then what came with the file.
type passwords struct {
	list   []string
	known  bool // list is there
	fitted int  // how many at its beginning opened something
	locked int  // entries that none fits
}

// unlock tries passwords on something encrypted, at most so many, until try does not say errPassword. fits tells of one that is sure; what try returns else comes back. The error is errPassword if none fits.
func (b *box) unlock(most int, try func(password string, fits bool) error) (string, error) {
	list, err := b.candidates()
	if err != nil {
		return "", err
	}
	if b.passwords.locked >= mostLocked {
		return "", errPassword
	}
	for i, password := range list {
		if i >= most+b.passwords.fitted {
			b.budget.tooManyPasswords(most)
			break
		}
		if b.budget.late() {
			break
		}
		if err := b.job.Err(); err != nil {
			return "", err
		}
		err := try(password, i < b.passwords.fitted)
		if errors.Is(err, errPassword) {
			continue
		}
		if err != nil {
			return "", err
		}
		return password, b.fits(i)
	}
	b.passwords.locked++
	return "", errPassword
}

// candidates are the passwords to try.
func (b *box) candidates() ([]string, error) {
	p := &b.passwords
	if p.known {
		return p.list, nil
	}
	came, err := b.job.Passwords()
	if err != nil {
		return nil, err
	}
	for _, password := range slices.Concat(b.usual, came) {
		if !slices.Contains(p.list, password) {
			p.list = append(p.list, password)
		}
	}
	p.known = true
	return p.list, nil
}

// fits records that a password opened something, and has it tried first from now on.
func (b *box) fits(i int) error {
	p := &b.passwords
	if i < p.fitted {
		return nil
	}
	password := p.list[i]
	p.list = slices.Insert(slices.Delete(p.list, i, i+1), p.fitted, password)
	p.fitted++
	return errors.Join(b.job.Feature("box_password", password), b.job.Feature("password", password))
}

// locked notes that no password fits an entry.
func (b *box) locked(e *entry) { b.notes.left(short(e.name) + ": encrypted, and no password fits") }
