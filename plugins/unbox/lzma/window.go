package lzma

// window holds what was decoded last, for matches to copy from, and gives it out.
//
// It grows with what is decoded, so that a header that asks for four gigabytes costs nothing; at its largest it is a ring.
type window struct {
	buf   []byte
	most  int   // bytes that buf may grow to
	at    int   // where the next byte goes
	given int   // up to where buf was given out; at most at
	total int64 // bytes since the last reset, of which the last len(buf) are there
	cut   bool  // most is less than what the stream asked for
}

const (
	firstWindow = 64 << 10
	largeWindow = 16 << 20 // from here on it grows to the most at once, so that there are never two large ones for long
)

// setSize prepares for a dictionary of size bytes, of which no more than limit are kept.
func (w *window) setSize(size, limit int64) {
	size = max(size, 4<<10)
	w.cut = size > limit
	w.most = int(min(size, limit))
}

// reset forgets everything.
func (w *window) reset() {
	w.at, w.given, w.total = 0, 0, 0
	if n := len(w.buf); n > 0 {
		w.buf[n-1] = 0 // what back(1) finds at the beginning
	}
}

// room makes room for at least one byte. Everything must have been given out.
func (w *window) room() {
	if w.at < len(w.buf) {
		return
	}
	if len(w.buf) >= w.most {
		w.at, w.given = 0, 0
		return
	}
	size := min(max(firstWindow, 4*len(w.buf)), w.most)
	if size > largeWindow {
		size = w.most
	}
	larger := make([]byte, size)
	copy(larger, w.buf)
	w.buf = larger
}

// give copies what was not given out yet.
func (w *window) give(p []byte) int {
	n := copy(p, w.buf[w.given:w.at])
	w.given += n
	return n
}

// back returns the byte that lies distance bytes back; 1 is the last one.
func (w *window) back(distance int) byte {
	i := w.at - distance
	if i < 0 {
		i += len(w.buf)
	}
	if uint(i) >= uint(len(w.buf)) {
		return 0 // nothing was decoded yet
	}
	return w.buf[i]
}

// reach checks a distance.
func (w *window) reach(distance int64) error {
	switch {
	case distance <= min(w.total, int64(len(w.buf))):
		return nil
	case distance <= w.total && w.cut:
		return ErrDictionary
	}
	return damaged("a match lies before the beginning")
}

// put appends a byte. There must be room.
func (w *window) put(c byte) {
	w.buf[w.at] = c
	w.at++
	w.total++
}

// copyMatch appends up to n bytes that lie distance back, and at most to limit, and returns how many.
func (w *window) copyMatch(distance, n, limit int) int {
	n = min(n, limit-w.at)
	from := w.at - distance
	if from < 0 { // the ring's end comes before its beginning
		from += len(w.buf)
		n = min(n, len(w.buf)-from)
	}
	to := w.buf[w.at : w.at+n]
	switch {
	case distance >= n || from > w.at:
		copy(to, w.buf[from:from+n])
	case distance == 1:
		c := w.buf[from]
		for i := range to {
			to[i] = c
		}
	default: // what is copied is copied from: twice as much each time
		copy(to, w.buf[from:w.at])
		for done := distance; done < n; done *= 2 {
			copy(to[done:], to[:done])
		}
	}
	w.at += n
	w.total += int64(n)
	return n
}

// write appends bytes as they are, at most to the end of the buffer, and returns how many.
func (w *window) write(p []byte) int {
	n := copy(w.buf[w.at:], p)
	w.at += n
	w.total += int64(n)
	return n
}
