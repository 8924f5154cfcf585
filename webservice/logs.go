package webservice

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// defaultLines is how many lines of a log are read, as in azureml.core.
const defaultLines = 5000

// LogsOptions are the optional parts of [Service.Logs].
type LogsOptions struct {
	// Lines is how many of the last lines are read. Default 5000.
	Lines int
	// InitContainer reads the log of the container that prepares the service (it
	// fetches the models) in place of the service's own.
	InitContainer bool
}

// Logs reads the last lines of the log of the service's container. Errors:
// azureml.ErrNotFound when there is no container (yet), or no service. It mirrors
// azureml.core's get_logs.
func (s *Service) Logs(ctx context.Context, o *LogsOptions) (string, error) {
	var options LogsOptions
	if o != nil {
		options = *o
	}
	const operation = "read the log of"
	var check validate.Checker
	validate.Positive(&check, "Lines", options.Lines)
	if err := check.Err(operation, s.subject()); err != nil {
		return "", err
	}
	if options.Lines == 0 {
		options.Lines = defaultLines
	}
	init := "False"
	if options.InitContainer {
		init = "True"
	}
	request := s.request(operation, http.MethodGet, "logs")
	request.Query = url.Values{"tail": {strconv.Itoa(options.Lines)}, "init": {init}}
	var logs struct {
		Content *string `json:"content"`
	}
	resp, err := s.ws.Do(ctx, request, &logs)
	if err != nil {
		return "", err
	}
	if logs.Content == nil {
		return "", &azureml.Error{Operation: operation, Subject: s.subject(), StatusCode: resp.StatusCode, Message: `the answer has no text ("content")`}
	}
	return *logs.Content, nil
}

// FollowLogsOptions are the optional parts of [Service.FollowLogs].
type FollowLogsOptions struct {
	// LogsOptions say what is written first, and which log it is. Lines is also the most
	// that can be new from one look to the next without a loss.
	LogsOptions
	// Interval is the time between two looks. Default 3 s.
	Interval time.Duration
}

// FollowLogs writes the log to w and then what is new in it, whole lines only, until
// ctx ends; a last line without its end is written then. A container that is not there yet is waited for; one that begins anew is
// followed from its beginning. It returns ctx.Err() as the cause, or the first failure
// of reading or writing; azureml.ErrNotFound when the service is gone.
func (s *Service) FollowLogs(ctx context.Context, w io.Writer, o *FollowLogsOptions) error {
	var options FollowLogsOptions
	if o != nil {
		options = *o
	}
	if w == nil {
		var check validate.Checker
		check.Require("w", "")
		return check.Err("follow the log of", s.subject())
	}
	if options.Interval <= 0 {
		options.Interval = 3 * time.Second
	}
	ticker := time.NewTicker(options.Interval)
	defer ticker.Stop()
	var seen []string
	// The last words of a container that crashed often lack their line break.
	last := ""
	defer func() { _, _ = io.WriteString(w, last) }()
	for {
		text, err := s.Logs(ctx, &options.LogsOptions)
		switch {
		case errors.Is(err, azureml.ErrNotFound):
			if _, err := Get(ctx, s.ws, s.address()); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			lines, rest := wholeLines(text)
			fresh := strings.Join(newLines(seen, lines), "")
			if last != "" && !strings.HasPrefix(fresh+rest, last) {
				fresh = last + "\n" + fresh // that of a container that is gone
			}
			last = ""
			if _, err := io.WriteString(w, fresh); err != nil {
				return err
			}
			seen, last = lines, rest
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return &azureml.Error{Operation: "follow the log of", Subject: s.subject(), Message: "stopped: " + ctx.Err().Error(), Err: ctx.Err()}
		}
	}
}

// wholeLines splits a text into its lines, each with its line break, and what comes after
// the last of them.
func wholeLines(text string) (lines []string, rest string) {
	lines = strings.SplitAfter(text, "\n")
	return lines[:len(lines)-1], lines[len(lines)-1]
}

// newLines gives what of lines is not in seen. Both are the end of the same log, the
// later one may have lost lines in front: where a tail of seen is how lines begin, the
// rest is new. If there is no such place, all of it is.
func newLines(seen, lines []string) []string {
	for start := range seen {
		tail := seen[start:]
		if len(tail) <= len(lines) && slices.Equal(tail, lines[:len(tail)]) {
			return lines[len(tail):]
		}
	}
	return lines
}
