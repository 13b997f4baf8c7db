package dispatcher

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"lazuli/event"
)

// kill lets a job use up its attempts.
func (b *bench) kill(name, content string) *event.Binary {
	b.t.Helper()
	var last *event.Binary
	for range 3 {
		last = b.mustPoll(name, content)
		b.clock.advance(2 * time.Minute)
		b.d.reap(b.t.Context())
	}
	b.d.reap(b.t.Context())
	b.mustIdle(name)
	return last
}

// openLetters returns the IDs of the dead letters that are not closed.
func (b *bench) openLetters() []string {
	b.t.Helper()
	var ids []string
	for _, r := range b.records("azul.lazuli.system.dead") {
		if len(r.Value) > 0 {
			ids = append(ids, string(r.Key))
		}
	}
	return ids
}

// states returns the states of the statuses in the log: of each the one that says most.
func (b *bench) states() string {
	b.t.Helper()
	var keys []string
	best := map[string]event.State{}
	for _, r := range b.records("azul.lazuli.system.status") {
		if len(r.Value) == 0 {
			continue
		}
		ev, err := event.Decode(event.ModelStatus, r.Value)
		if err != nil {
			b.t.Fatal(err)
		}
		st := ev.(*event.Status)
		had, known := best[st.KafkaKey]
		if !known {
			keys = append(keys, st.KafkaKey)
		}
		if !known || !had.Success() {
			best[st.KafkaKey] = st.Entity.Status
		}
	}
	states := make([]string, len(keys))
	for i, key := range keys {
		states[i] = string(best[key])
	}
	return strings.Join(states, " ")
}

func TestRetryOfADeadLetter(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "poison"))
	b.kill("P", "poison")
	b.mustPoll("Other", "poison")
	ids := b.openLetters()
	if len(ids) != 1 {
		t.Fatalf("dead letters %q", ids)
	}
	if err := b.d.Retry(t.Context(), "no such letter"); !errors.Is(err, ErrNoLetter) {
		t.Errorf("an unknown letter: %v", err)
	}
	b.publish(b.file("src", "newer"))
	for range 2 { // twice is once
		if err := b.d.Retry(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
	}
	b.restart() // a retry that waits survives
	again := b.mustPoll("P", "poison")
	b.mustPoll("P", "newer") // the retry went before live work
	b.mustIdle("P")
	b.mustPoll("Other", "newer")
	b.mustIdle("Other") // nobody else's
	if again.KafkaKey == "" || !strings.HasPrefix(again.Dequeued, again.KafkaKey+".P.1.r") {
		t.Errorf("the job's id is %s for key %s", again.Dequeued, again.KafkaKey)
	}
	b.status(again, "P", event.Completed)
	if ids := b.openLetters(); len(ids) != 0 {
		t.Errorf("the letter is still open: %q", ids)
	}
	if got := b.states(); got != "completed" {
		t.Errorf("statuses %q, want the error to be replaced", got)
	}
	b.mustIdle("P")
}

func TestRetryThatFailsKeepsItsLetter(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "poison"))
	b.kill("P", "poison")
	before := b.openLetters()
	for range 2 {
		if err := b.d.Retry(t.Context(), before[0]); err != nil {
			t.Fatal(err)
		}
		b.kill("P", "poison")
		if after := b.openLetters(); len(after) != 1 || after[0] != before[0] {
			t.Errorf("dead letters %q, want %q", after, before)
		}
	}
}

func TestLateSuccessClosesTheLetter(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "slow"))
	job := b.kill("P", "slow")
	if got := b.states(); got != "error-timeout" {
		t.Fatalf("statuses %q", got)
	}
	b.status(job, "P", event.CompletedEmpty)
	if ids := b.openLetters(); len(ids) != 0 {
		t.Errorf("the letter is still open: %q", ids)
	}
	if got := b.states(); got != "completed-empty" {
		t.Errorf("statuses %q", got)
	}
}

func TestRetryOfAnEventThatIsGone(t *testing.T) {
	b := newBench(t)
	if onKafka() {
		t.Skip("Kafka keeps the older event for a while, and it can be retried")
	}
	b.publish(b.file("src", "poison"))
	b.kill("P", "poison")
	newer := b.file("src", "poison")
	newer.Source.Timestamp = event.At(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	b.publish(newer)
	if err := b.d.Retry(t.Context(), b.openLetters()[0]); !errors.Is(err, ErrEventGone) {
		t.Errorf("%v", err)
	}
}

// TestSuccessByAnotherWayClosesTheLetter: the file is submitted again, and its job goes well.
func TestSuccessByAnotherWayClosesTheLetter(t *testing.T) {
	for _, again := range []string{"live", "expedited", "later"} {
		t.Run(again, func(t *testing.T) {
			b := newBench(t)
			b.publish(b.file("src", "poison"))
			b.kill("P", "poison")
			b.kill("Q", "poison")
			newer := b.file("src", "poison")
			newer.Source.Timestamp = event.At(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
			newer.Flags.Expedite = again == "expedited"
			if again == "later" { // and so with another key
				newer.Source.Timestamp = event.At(b.clock.Now())
			}
			other := b.file("src", "poison") // the same content, but not submitted in the same way
			other.Source.References = map[string]string{"case": "7"}
			b.publish(newer, b.file("src", "else"))
			b.restart()
			if again == "later" { // the older one is still there, and was given up
				b.look("P&version=2", "")
				b.look("P", "d-action=mapped&r-source=src")
			}
			job := b.mustPoll("P", "poison")
			b.status(b.mustPoll("P", "else"), "P", event.Completed)
			if ids := b.openLetters(); len(ids) != 2 {
				t.Errorf("success on another file: %q", ids)
			}
			b.status(b.look("P&version=2", ""), "P", event.Completed)
			b.status(b.look("P", "d-action=mapped&r-source=src"), "P", event.Completed)
			if ids := b.openLetters(); len(ids) != 2 {
				t.Errorf("success of another version, and of another consumer: %q", ids)
			}
			if again == "later" { // else the older event is gone from the log, and any success counts
				b.publish(other)
				b.status(b.mustPoll("P", "poison"), "P", event.Completed)
				if ids := b.openLetters(); len(ids) != 2 {
					t.Errorf("success on another event of the content: %q", ids)
				}
			}
			b.status(job, "P", event.OptOut)
			if ids := b.openLetters(); len(ids) != 1 || !strings.Contains(ids[0], ".Q.1.") {
				t.Errorf("the letters that are open: %q", ids)
			}
			if err := b.d.letters.catchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if l := b.d.letters; len(l.at) != 1 || len(l.of) != 1 {
				t.Errorf("%d letters in memory, of %d pairs", len(l.at), len(l.of))
			}
		})
	}
}

// TestLetterOfAnEventThatIsGoneCloses: what cannot be tried again is submitted again.
func TestLetterOfAnEventThatIsGoneCloses(t *testing.T) {
	b := newBench(t)
	if onKafka() {
		t.Skip("Kafka keeps the older event for a while")
	}
	b.publish(b.file("src", "poison"))
	b.kill("P", "poison")
	replaced := b.file("src", "poison")
	replaced.Source.Timestamp = event.At(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	b.publish(replaced)
	b.mustPoll("P", "poison")
	later := b.file("src", "poison")
	later.Source.References = map[string]string{"case": "7"}
	b.publish(later)
	b.status(b.mustPoll("P", "poison"), "P", event.Completed)
	if ids := b.openLetters(); len(ids) != 0 {
		t.Errorf("the letter is still open: %q", ids)
	}
}

// TestRetryTwiceOfALetterThatFailedAgain: the letter goes on naming its event, not the retry that failed.
func TestRetryTwiceOfALetterThatFailedAgain(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "poison"))
	b.kill("P", "poison")
	id := b.openLetters()[0]
	if err := b.d.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.kill("P", "poison")
	for range 2 {
		if err := b.d.Retry(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	b.mustPoll("P", "poison")
	b.mustIdle("P")
	var letter DeadLetter
	if r := b.records("azul.lazuli.system.dead"); json.Unmarshal(r[len(r)-1].Value, &letter) != nil || letter.Position != "azul.lazuli.src.binary.sourced/0/0" {
		t.Errorf("the letter names %s", letter.Position)
	}
}
