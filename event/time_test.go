package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lazuli/event"
)

func TestTimeOut(t *testing.T) {
	east := time.FixedZone("", 10*3600)
	for want, at := range map[string]time.Time{
		`"2025-05-05T01:02:03Z"`:        time.Date(2025, 5, 5, 1, 2, 3, 0, time.UTC),
		`"2025-05-05T01:02:03.5Z"`:      time.Date(2025, 5, 5, 11, 2, 3, 500_000_000, east),
		`"2025-05-05T01:02:03.123456Z"`: time.Date(2025, 5, 5, 1, 2, 3, 123_456_999, time.UTC),
		`"0001-01-01T00:00:00Z"`:        {},
	} {
		got, err := json.Marshal(event.At(at))
		if err != nil || string(got) != want {
			t.Errorf("%v: got %s, %v, want %s", at, got, err, want)
		}
	}
	for _, at := range []time.Time{
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1, 1, 1, 0, 0, 0, 0, east), // year 0 in UTC
	} {
		if got, err := json.Marshal(event.At(at)); err == nil {
			t.Errorf("%v is written as %s", at, got)
		}
	}
}

func TestTimeIn(t *testing.T) {
	for text, want := range map[string]string{ // in time.RFC3339Nano, as given
		`"2025-05-05T01:02:03Z"`:                "2025-05-05T01:02:03Z",
		`"2025-05-05T01:02:03.5+00:00"`:         "2025-05-05T01:02:03.5Z",
		`"2025-05-05T11:02:03.5+10:00"`:         "2025-05-05T11:02:03.5+10:00",
		`"2025-05-05T11:02:03\u002b10:00"`:      "2025-05-05T11:02:03+10:00",
		`"2025-05-05T01:02:03.123456789-09:30"`: "2025-05-05T01:02:03.123456789-09:30",
		`null`:                                  "0001-01-01T00:00:00Z",
	} {
		var got event.Time
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: got %v, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		`"2025-05-05T01:02:03"`, `"2025-05-05 01:02:03Z"`, `"2025-05-05"`, `""`,
		`1746406923`, `{}`, `"0000-12-31T00:00:00Z"`, `"0001-01-01T00:00:00+10:00"`, `"9999-12-31T23:59:59-01:00"`,
	} {
		var got event.Time
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is read as %v", text, got)
		}
	}
}

// The zone of the machine must not show, even if it has the offset that the text has.
func TestTimeInLocalZone(t *testing.T) {
	zone, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		t.Skip("no time zone data on this machine")
	}
	before := time.Local
	t.Cleanup(func() { time.Local = before })
	time.Local = zone
	var got event.Time
	if err := json.Unmarshal([]byte(`"2025-05-05T11:02:03+10:00"`), &got); err != nil {
		t.Fatal(err)
	}
	if name := got.Location().String(); name != "" {
		t.Errorf("the time is in %q", name)
	}
}

func TestNowSurvivesJSON(t *testing.T) {
	now := event.Now()
	raw, err := json.Marshal(now)
	if err != nil {
		t.Fatal(err)
	}
	var back event.Time
	if err := json.Unmarshal(raw, &back); err != nil || !back.Equal(now.Time) {
		t.Errorf("%v became %v, %v", now, back, err)
	}
}

func TestTimeKeepsMicroseconds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := anyTime().Draw(t, "time")
		raw, err := json.Marshal(at)
		if err != nil {
			t.Skip("outside of the years that can be written")
		}
		var back event.Time
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if lost := at.Sub(back.Time); lost < 0 || lost >= time.Microsecond {
			t.Fatalf("%v became %v", at, back)
		}
	})
}
