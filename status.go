package azureml

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// status shows the progress of a wait: a line that is drawn over and over on a
// terminal, a line a change elsewhere.
type status struct {
	out      io.Writer
	terminal bool
	start    time.Time

	mu    sync.Mutex
	last  Progress
	shown string
	drawn bool
	// started tells that there was a first report; before it there is nothing to draw.
	started bool
	width   int

	stop chan struct{}
	done chan struct{}
}

const (
	spinner      = `|/-\`
	spinInterval = 200 * time.Millisecond
	clearLine    = "\r\x1b[K"
)

// newStatus starts showing on out; a nil out shows nothing.
func newStatus(out io.Writer) *status {
	s := &status{out: out, start: time.Now()}
	if out == nil {
		return s
	}
	if s.terminal = isTerminal(out); s.terminal {
		s.width = columns()
		s.stop, s.done = make(chan struct{}), make(chan struct{})
		go s.spin()
	}
	return s
}

// report takes the picture of one poll.
func (s *status) report(p Progress) {
	if s.out == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = p
	s.started = true
	if len(p.LogLines) > 0 {
		s.clear()
		for _, line := range p.LogLines {
			fmt.Fprintln(s.out, printable(line))
		}
	}
	if s.terminal {
		return
	}
	if text := p.String(); text != s.shown {
		s.shown = text
		fmt.Fprintf(s.out, "%s: %s after %s\n", title(p), text, seconds(time.Since(s.start)))
	}
}

// spin redraws the line until close.
func (s *status) spin() {
	defer close(s.done)
	ticker := time.NewTicker(spinInterval)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.mu.Lock()
			if s.started {
				line := fmt.Sprintf("%c %s: %s, %s", spinner[i%len(spinner)], title(s.last), s.last, seconds(time.Since(s.start)))
				fmt.Fprint(s.out, clearLine, shorten(printable(line), s.width))
				s.drawn = true
			}
			s.mu.Unlock()
		}
	}
}

// close ends the drawing and leaves the last state as a line of its own.
func (s *status) close() {
	if !s.terminal {
		return
	}
	close(s.stop)
	<-s.done
	s.clear()
	if s.last.State != "" {
		fmt.Fprintf(s.out, "%s: %s after %s\n", title(s.last), s.last, seconds(time.Since(s.start)))
	}
}

func (s *status) clear() {
	if s.drawn {
		fmt.Fprint(s.out, clearLine)
		s.drawn = false
	}
}

// columns is how wide the terminal is taken to be: what COLUMNS says, else 80. A line
// that is wider wraps, and could not be taken back.
func columns() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return 80
}

// shorten cuts a line to less than width characters.
func shorten(line string, width int) string {
	runes := []rune(line)
	if width < 2 || len(runes) < width {
		return line
	}
	return string(runes[:width-2]) + "…"
}

// printable takes out what would steer the terminal.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, line)
}

// title names what is going on: `deploy web service "x"`.
func title(p Progress) string {
	switch {
	case p.Operation != "" && p.Subject != "":
		return p.Operation + " " + p.Subject
	case p.Subject != "":
		return p.Subject
	}
	return "waiting"
}

// seconds rounds a duration for people: tenths below ten seconds, else seconds.
func seconds(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// isTerminal tells whether w is a character device that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || f.Name() == os.DevNull {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
