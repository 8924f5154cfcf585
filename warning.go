package azureml

import (
	"context"
	"fmt"
	"log/slog"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
)

// Warning is something worth saying that is no failure: a look-up that was not
// allowed, a setting that the service will ignore. It goes to the OnWarning
// function of the options, which is called before the call returns, in the
// goroutine of the call.
type Warning struct {
	// Subject is what it is about: `compute "myaks"`.
	Subject string `json:"subject,omitempty"`
	// Message says it in one sentence.
	Message string `json:"message"`
	// Err is the failure behind it, if there is one.
	Err error `json:"-"`
}

// String gives subject and message in one line.
func (w Warning) String() string {
	text := w.Message
	if w.Subject != "" {
		text = w.Subject + ": " + text
	}
	if w.Err != nil {
		text = fmt.Sprintf("%s (%s)", text, oneLine(w.Err.Error()))
	}
	return text
}

// LogTo sends azcore's log events (requests, answers, retries, polls; headers and
// queries redacted by azcore) to logger at debug level. It sets azcore's listener,
// of which a process has one; nil removes it. Call it once, before the first request.
func LogTo(logger *slog.Logger) {
	if logger == nil {
		azlog.SetListener(nil)
		return
	}
	azlog.SetListener(func(event azlog.Event, text string) {
		logger.Log(context.Background(), slog.LevelDebug, text, slog.String("event", string(event)))
	})
}
