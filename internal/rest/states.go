package rest

import (
	"strings"

	"github.com/azureml-go/azureml"
)

// endOf tells whether a state is final and, of a bad end, the sentinel. It knows the
// words of both planes in both spellings; a state that is not known goes on.
func endOf(state string) (final bool, failure error) {
	switch strings.ToLower(state) {
	case "succeeded", "completed":
		return true, nil
	case "failed":
		return true, azureml.ErrOperationFailed
	case "cancelled", "canceled":
		return true, azureml.ErrOperationCanceled
	case "timedout":
		return true, azureml.ErrOperationTimedOut
	}
	return false, nil
}

// knownStates are the states in which an operation may stay as long as it likes.
var knownStates = map[string]bool{
	"notstarted": true, "running": true, "inprogress": true, "accepted": true, "creating": true,
	"updating": true, "deleting": true, "provisioning": true, "pending": true, "queued": true,
	"transitioning": true, "resolving": true,
	// Builds of images.
	"gettingorprovisioningacr": true,
	// Web services that may yet become healthy.
	"unhealthy": true, "unschedulable": true,
}
