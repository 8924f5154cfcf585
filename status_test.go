package azureml

import (
	"bytes"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestStatusOnATerminal draws on a buffer that is taken for a terminal.
func TestStatusOnATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := &status{out: &out, start: time.Now(), terminal: true, width: 38, stop: make(chan struct{}), done: make(chan struct{})}
		go s.spin()
		s.report(Progress{Operation: "create", Subject: `compute "c"`, State: "Creating"})
		time.Sleep(spinInterval + time.Millisecond)
		s.report(Progress{Operation: "create", Subject: `compute "c"`, State: "Creating", LogLines: []string{"a \x1b[2Jline"}})
		time.Sleep(spinInterval)
		s.report(Progress{Operation: "create", Subject: `compute "c"`, State: "Succeeded", Done: true})
		s.close()
		assert.Equal(t, "\r\x1b[K| create compute \"c\": Creating, 200ms"+
			"\r\x1b[Ka [2Jline\n"+
			"\r\x1b[K/ create compute \"c\": Creating, 400ms"+
			"\r\x1b[Kcreate compute \"c\": Succeeded after 400ms\n", out.String())
	})
}

func TestLinesFitTheTerminal(t *testing.T) {
	assert.Equal(t, "äöü", shorten("äöü", 4))
	assert.Equal(t, "äö…", shorten("äöüß", 4))
	assert.Equal(t, "x", shorten("x", 0))
	t.Setenv("COLUMNS", "40")
	assert.Equal(t, 40, columns())
	t.Setenv("COLUMNS", "wide")
	assert.Equal(t, 80, columns())
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	assert.False(t, isTerminal(&bytes.Buffer{}))
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	assert.NoError(t, err)
	defer null.Close()
	assert.False(t, isTerminal(null))
	assert.Equal(t, 12*time.Second, seconds(12*time.Second+345*time.Millisecond))
	assert.Equal(t, 1300*time.Millisecond, seconds(1345*time.Millisecond))
}
