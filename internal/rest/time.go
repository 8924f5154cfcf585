package rest

import (
	"encoding/json"
	"strings"
	"time"
)

// Time is a time in any of the forms that the services write, in UTC. What is no time
// is the zero time: reading is lenient.
type Time struct{ time.Time }

// timeLayouts are the forms there are: with a zone, and without, which means UTC.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05"}

// ParseTime reads a time of a service; one that cannot be read is zero.
func ParseTime(text string) Time {
	for _, layout := range timeLayouts {
		// A fraction of a second is read behind any layout's seconds.
		if at, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return Time{at.UTC()}
		}
	}
	return Time{}
}

// UnmarshalJSON never fails.
func (t *Time) UnmarshalJSON(data []byte) error {
	// As nearly every time is written; null would change nothing.
	if len(data) > 0 && data[0] == '"' && t.Time.UnmarshalJSON(data) == nil {
		t.Time = t.Time.UTC()
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) != nil {
		text = ""
	}
	*t = ParseTime(text)
	return nil
}
