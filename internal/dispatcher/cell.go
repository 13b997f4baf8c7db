package dispatcher

import (
	"math"
	"slices"
	"time"

	"lazuli/internal/eventlog"
)

// A cell is one flow (consumer and feed) on one partition.
//
// Every offset below high has been looked at: it is either open (in jobs) or has ended. So the runs of ended offsets need
// no memory, and low, below which everything has ended, is the smallest open offset, or high.
//
//	open job:   waiting ──► out ──► ended
//	               ▲         │ lease ran out, client left, transient error
//	               └─────────┘
//
// A cell belongs to its consumer and is guarded by the consumer's lock.
type cell struct {
	feed  feed
	part  eventlog.Partition
	hash  uint32 // names the cell in job ids
	start int64  // the flow begins here
	until int64  // and ends here: historic ends where live began
	tail  *tail  // the partition's end

	freed func(j *job, ended bool) // called when a job that was out is out no more; may be nil

	inherited int64 // below it others may have handed out what no record tells of

	high  int64
	jobs  map[int64]*job
	first []*job         // waiting for their first hand-out, by offset
	again []*job         // waiting to be handed out again, by offset
	ended map[int64]bool // at or above high: found in the status topic at take-over

	dirty     bool   // differs from its progress record
	committed int64  // the group's offset, -1 when unknown; guarded by progress
	group     string // that has it
}

// job is an open offset.
type job struct {
	cell   *cell
	offset int64
	time   time.Time // when the event was appended
	out    bool      // handed out, or given up and waiting for the record of that

	ours     bool // it was handed out by this life of the dispatcher, the last time
	shown    bool // its event is in an answer: a client may have it
	leased   bool // its end is reported by a status; otherwise it ends with the answer
	attempt  int  // hand-outs so far; the number of the current one
	failures int  // attempts that count against the limit
	network  int  // error-network statuses
	left     int  // clients that went before they had the whole answer

	since     time.Time   // of the current hand-out
	begun     time.Time   // of the first
	deadline  time.Time   // the lease's end; zero while the answer is being written
	notBefore time.Time   // of the next hand-out
	worker    string      // who has it, when it said so
	company   []*consumer // for whom its holder asked besides
	id        string      // of the current hand-out
	key       letterID    // of the event, while the job holds it; see once
	waitsFor  letterID    // the event that another job holds
	about     letterID    // source and hash of a download that is awaited; see downloads
	givenUp   bool        // its dead letter is being written
}

func newCell(f feed, part eventlog.Partition, hash uint32, start, until int64, t *tail) *cell {
	return &cell{feed: f, part: part, hash: hash, start: start, until: until, tail: t, high: start,
		jobs: map[int64]*job{}, ended: map[int64]bool{}, committed: -1, dirty: true}
}

const forever = math.MaxInt64

// low returns the offset below which every job has ended.
func (c *cell) low() int64 {
	low := c.high
	for offset := range c.jobs {
		low = min(low, offset)
	}
	return low
}

// behind tells whether there is something to look at.
func (c *cell) behind() bool { return c.high < min(c.until, c.tail.end.Load()) }

// open notes a match at the offset that is being looked at.
func (c *cell) open(e *entry) {
	if c.ended[e.offset] {
		delete(c.ended, e.offset)
		return
	}
	j := &job{cell: c, offset: e.offset, time: e.time}
	c.jobs[e.offset] = j
	c.first = append(c.first, j)
}

// advance moves high, past offsets that were looked at.
func (c *cell) advance(high int64) {
	if high <= c.high {
		return
	}
	c.high, c.dirty = high, true
	for offset := range c.ended {
		if offset < high {
			delete(c.ended, offset)
		}
	}
}

// waiting returns the job to hand out next, redeliveries first, or nil.
func (c *cell) waiting(now time.Time) *job {
	for _, j := range c.again {
		if !j.notBefore.After(now) {
			return j
		}
	}
	if len(c.first) > 0 {
		return c.first[0]
	}
	return nil
}

// take marks a waiting job as out.
func (c *cell) take(j *job, now time.Time) {
	c.unqueue(j)
	j.out, j.shown, j.ours = true, false, true
	j.attempt++
	j.since, j.deadline = now, time.Time{}
	if j.begun.IsZero() {
		j.begun = now
	}
	c.dirty = true
}

// back puts a job that is out among those to hand out again, not before a time. It is another *job from then on, so that
// whoever still holds the hand-out that is over cannot end or give back the next one.
func (c *cell) back(old *job, notBefore time.Time) {
	if c.freed != nil {
		c.freed(old, false)
	}
	next := *old
	j := &next
	c.jobs[j.offset] = j
	j.out, j.deadline, j.worker, j.company, j.notBefore = false, time.Time{}, "", nil, notBefore
	i, _ := slices.BinarySearchFunc(c.again, j.offset, func(o *job, offset int64) int { return int(o.offset - offset) })
	c.again = slices.Insert(c.again, i, j)
	c.dirty = true
}

// end closes an offset. Ended stays ended.
func (c *cell) end(offset int64) {
	if j := c.jobs[offset]; j != nil {
		c.unqueue(j)
		delete(c.jobs, offset)
		c.dirty = true
		if c.freed != nil {
			c.freed(j, true)
		}
		return
	}
	if offset >= c.high && offset < c.until {
		c.ended[offset] = true
		c.dirty = true
	}
}

func (c *cell) unqueue(j *job) {
	if j.out {
		return
	}
	if len(c.first) > 0 && c.first[0] == j {
		c.first[0] = nil
		c.first = c.first[1:]
		return
	}
	same := func(o *job) bool { return o == j }
	c.first = slices.DeleteFunc(c.first, same)
	c.again = slices.DeleteFunc(c.again, same)
}
