package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/azureml-go/azureml/webservice"
)

// drawing shows the traffic: on a terminal as bars that move, elsewhere as a line for
// each shift.
type drawing struct {
	out      io.Writer
	terminal bool
	width    int
	lines    int // drawn before, to be drawn over
	names    []string
}

func newDrawing(out io.Writer, terminal bool, width int) *drawing {
	return &drawing{out: out, terminal: terminal, width: width}
}

// event is what a rollout calls.
func (d *drawing) event(e webservice.RolloutEvent) {
	if d.terminal {
		d.bars(e)
		return
	}
	switch e.Kind {
	case webservice.RolloutEventJudged, webservice.RolloutEventRollingBack:
	case webservice.RolloutEventProblem:
		fmt.Fprintf(d.out, "   problem: %v\n", e.Err)
	default:
		fmt.Fprintf(d.out, "   %-12s %s\n", e.Kind, plain(e.Traffic))
	}
}

// plain is traffic in a line.
func plain(traffic map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(traffic)) {
		parts = append(parts, fmt.Sprintf("%s %3.0f %%", name, traffic[name]))
	}
	return strings.Join(parts, "  ")
}

// bars draws over what was drawn before.
func (d *drawing) bars(e webservice.RolloutEvent) {
	for name := range e.Traffic {
		if !slices.Contains(d.names, name) {
			d.names = append(d.names, name)
		}
	}
	slices.Sort(d.names)
	var b strings.Builder
	if d.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", d.lines)
	}
	for _, name := range d.names {
		share, is := e.Traffic[name]
		text := fmt.Sprintf("%s %3.0f %%", bar(share, d.width), share)
		if !is {
			text = "deleted"
		}
		fmt.Fprintf(&b, "\r\x1b[K   %-8s %s\n", name, text)
	}
	status := string(e.Kind)
	if e.Verdict.Decision != "" {
		status = e.Verdict.String()
	}
	fmt.Fprintf(&b, "\r\x1b[K   %s\n", shorten(status, d.width+20))
	d.lines = len(d.names) + 1
	_, _ = io.WriteString(d.out, b.String())
}

// end leaves what is drawn where it is.
func (d *drawing) end() { d.lines, d.names = 0, nil }

// bar is a share of the width, to an eighth of a character.
func bar(share float64, width int) string {
	eighths := int(math.Round(share / 100 * float64(width) * 8))
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text + strings.Repeat(" ", width-len([]rune(text)))
}

// shorten cuts a text that would not fit on a line.
func shorten(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}
