package rest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2021, time.May, 21, 17, 30, 27, 0, time.UTC)
	for wire, want := range map[string]time.Time{
		`"2021-05-21T17:30:27Z"`:              at,
		`"2021-05-21T19:30:27+02:00"`:         at,
		`"2021-05-21T17:30:27.1510074+00:00"`: at.Add(151007400),
		`"2021-05-21T17:30:27,123456789Z"`:    at.Add(123456789),
		`"2021-05-21T17:30:27"`:               at,
		`"2021-05-21T17:30:27.15"`:            at.Add(150 * time.Millisecond),
		`"2021-05-21 17:30:27.5"`:             at.Add(500 * time.Millisecond),
		`" 2021-05-21T17:30:27Z "`:            at,
		`"0001-01-01T00:00:00"`:               {},
		`"2021-05-21"`:                        {},
		`"soon"`:                              {},
		`""`:                                  {},
		`null`:                                {},
		`1621618227`:                          {},
		`{}`:                                  {},
	} {
		got := Time{at}
		require.NoError(t, json.Unmarshal([]byte(wire), &got), wire)
		assert.Equal(t, want, got.Time, wire)
	}
}

func FuzzTime(f *testing.F) {
	f.Add(`2021-05-21T17:30:27.1510074+00:00`)
	f.Add(`2021-05-21 17:30:27`)
	f.Add(``)
	f.Fuzz(func(t *testing.T, text string) {
		at := ParseTime(text)
		if at.Location() != time.UTC {
			t.Fatalf("%q is read in zone %s", text, at.Location())
		}
		if again := ParseTime(at.Format(time.RFC3339Nano)); at.Year() >= 0 && at.Year() <= 9999 && !again.Equal(at.Time) {
			t.Fatalf("%q became %s and then %s", text, at, again)
		}
	})
}
