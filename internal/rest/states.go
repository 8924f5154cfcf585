package rest

import (
	"strings"

	"github.com/azureml-go/azureml"
)

// goingOn and succeeded stand beside the sentinels of a bad end.
var (
	goingOn   error
	succeeded = error(end("succeeded"))
)

type end string

func (e end) Error() string { return string(e) }

// endOf sorts a state: goingOn, succeeded, or the sentinel of a bad end. Both planes
// and both spellings; a state that is not known goes on.
func endOf(state string) error {
	switch strings.ToLower(state) {
	case "succeeded", "completed":
		return succeeded
	case "failed":
		return azureml.ErrOperationFailed
	case "cancelled", "canceled":
		return azureml.ErrOperationCanceled
	case "timedout":
		return azureml.ErrOperationTimedOut
	}
	return goingOn
}

// knownStates are the states in which an operation may stay as long as it likes.
var knownStates = map[string]bool{
	"notstarted": true, "running": true, "inprogress": true, "accepted": true, "creating": true,
	"updating": true, "deleting": true, "provisioning": true, "pending": true, "queued": true,
	"transitioning": true, "resolving": true,
}
