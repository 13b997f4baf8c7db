package branch

import "io"

// NewDelta undoes a filter that replaced bytes by their difference to those distance bytes before, 1 to 256.
func NewDelta(r io.Reader, distance int) io.Reader { return &delta{r: r, distance: distance} }

type delta struct {
	r        io.Reader
	distance int
	history  [256]byte // the last distance bytes, as a ring
	at       int
}

func (d *delta) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	for i := range p[:n] {
		p[i] += d.history[d.at]
		d.history[d.at] = p[i]
		if d.at++; d.at == d.distance {
			d.at = 0
		}
	}
	return n, err
}
