package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
)

// wireOperation is an operation of either plane.
type wireOperation struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	State    string          `json:"state"`  // model management
	Status   string          `json:"status"` // resource manager
	Error    json.RawMessage `json:"error"`
	Location string          `json:"resourceLocation"`
	LogURL   string          `json:"operationLog"`
	BuildLog string          `json:"logUrl"` // of builds of images
	Details  struct {
		Type  string `json:"subOperationType"`
		State string `json:"subOperationState"`
	} `json:"operationDetails"`
	Stream string `json:"streamingOperationLog"`
}

func (h *handler[T]) lookModelManagement(ctx context.Context) (Status, *http.Response, error) {
	address, err := h.op.Where(ctx, h.token.ID)
	if err != nil {
		return Status{}, nil, err
	}
	if h.seen && !h.op.Plain {
		// The service tells the build log only to those who ask with an offset.
		address += fmt.Sprintf("?offset=%d", h.offset)
	}
	return h.read(ctx, address)
}

// lookResourceManager reads an Azure-AsyncOperation, which states how it is doing, or a
// Location, which answers 202, with a newer Location maybe, until it answers with the
// result.
func (h *handler[T]) lookResourceManager(ctx context.Context) (Status, *http.Response, error) {
	status, resp, err := h.read(ctx, h.token.URL)
	if err != nil || status.State != "" {
		if err == nil && resp.StatusCode == http.StatusAccepted && len(status.Body) == 0 {
			err = h.moveTo(resp)
		}
		return status, resp, err
	}
	if !h.token.Location {
		return status, resp, nil // a status that does not tell its state goes on
	}
	if resp.StatusCode == http.StatusAccepted {
		status.State = "InProgress"
		return status, resp, h.moveTo(resp)
	}
	var resource struct {
		Properties struct {
			State string `json:"provisioningState"`
		} `json:"properties"`
	}
	_ = Unmarshal(status.Body, &resource)
	status.State = first(resource.Properties.State, "Succeeded")
	return status, resp, nil
}

// moveTo follows an operation to the address that an answer gives it.
func (h *handler[T]) moveTo(resp *http.Response) error {
	location, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || *location == (url.URL{}) {
		return nil //nolint:nilerr // the address so far stays good
	}
	if !location.IsAbs() && resp.Request != nil {
		location = resp.Request.URL.ResolveReference(location)
	}
	if err := h.client.hosts.Check(location); err != nil {
		return err
	}
	h.token.URL = location.String()
	return nil
}

func (h *handler[T]) read(ctx context.Context, address string) (Status, *http.Response, error) {
	var body json.RawMessage
	resp, err := h.client.Do(ctx, Request{
		Operation: "follow the operation: " + h.op.Operation, Subject: h.op.Subject,
		Method: http.MethodGet, URL: address,
	}, &body)
	if err != nil {
		return Status{}, resp, err
	}
	status, err := parseOperation(resp, body)
	if err != nil {
		return Status{}, resp, &azureml.Error{Operation: h.op.Operation, Subject: h.op.Subject, StatusCode: resp.StatusCode, Body: body, Message: oddReason(resp, body, err), Err: err}
	}
	return status, resp, nil
}

// parseOperation reads the answer of a poll. An answer without body is judged by its
// status: 202 goes on, everything else is done.
func parseOperation(resp *http.Response, body []byte) (Status, error) {
	if strings.TrimSpace(string(body)) == "" {
		if resp.StatusCode == http.StatusAccepted {
			return Status{State: "InProgress"}, nil
		}
		return Status{State: "Succeeded"}, nil
	}
	var w wireOperation
	if err := Unmarshal(body, &w); err != nil {
		return Status{}, err
	}
	s := Status{
		ID: w.ID, State: first(w.State, w.Status), SubOperation: w.Details.Type, SubState: w.Details.State,
		LogURL: first(w.LogURL, w.BuildLog), Resource: w.Location, Body: body,
	}
	if len(w.Error) > 0 && string(w.Error) != "null" {
		p := ParseError(w.Error, "application/json")
		if p.Code != "" || p.Message != "" || len(p.Details) > 0 {
			s.Failure = &p
		}
	}
	s.Stream = w.Stream
	return s, nil
}

// newLines takes the lines of the log that came with this poll.
func (h *handler[T]) newLines(s Status) []string {
	if s.Stream == "" {
		return nil
	}
	h.offset += utf8.RuneCountInString(s.Stream)
	return logLines(s.Stream)
}

// A log that storage keeps from this machine must not hold up the polls: a read of it may
// take so long, and so many may fail in a row.
const (
	logTimeout  = 10 * time.Second
	logPatience = 3
)

// readLog reads the lines that the log's own file has got since the last poll, if
// somebody wants them. One that cannot be read is no failure of the operation.
func (h *handler[T]) readLog(ctx context.Context) []string {
	if h.op.Log == nil || h.status.LogURL == "" || h.status.Stream != "" || h.unread == logPatience || !azureml.Reporting(ctx) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	more, err := h.op.Log(ctx, h.status.LogURL, h.logged)
	if err != nil {
		h.unread++
		return nil
	}
	h.unread = 0
	h.logged += int64(len(more))
	lines := strings.Split(h.logPart+string(more), "\n")
	h.logPart = lines[len(lines)-1]
	if lines = lines[:len(lines)-1]; h.Done() && h.logPart != "" {
		lines, h.logPart = append(lines, h.logPart), ""
	}
	for i, line := range lines {
		lines[i] = redact.Text(strings.TrimRight(line, "\r"))
	}
	return lines
}

// logTime is how the log writes its times, in UTC.
const logTime = "20060102150405"

// logLines splits the log text "yyyyMMddHHmmss|text#yyyyMMddHHmmss|text".
func logLines(stream string) []string {
	var lines []string
	for item := range strings.SplitSeq(stream, "#") {
		stamp, text, ok := strings.Cut(item, "|")
		at, err := time.Parse(logTime, strings.TrimSpace(stamp))
		switch {
		case strings.TrimSpace(item) == "":
		case ok && err == nil:
			lines = append(lines, at.Local().Format("15:04:05")+" "+strings.TrimSpace(text))
		default:
			lines = append(lines, strings.TrimSpace(item))
		}
	}
	return lines
}

// OperationID takes the id out of an Operation-Location header: the last segment of
// its path, whatever host and query it has.
func OperationID(location string) string {
	u, err := url.Parse(strings.TrimSpace(location))
	if err != nil || u.Path == "" {
		return ""
	}
	id := path.Base(strings.TrimRight(u.Path, "/"))
	if id == "." || id == "/" {
		return ""
	}
	return id
}
