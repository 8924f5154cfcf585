package model

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// ProfileOptions are the optional parts of [BeginProfile].
type ProfileOptions struct {
	// CPU is the number of cores that the model is measured with at most, 0.1 to 3.5; 0
	// leaves it to the service.
	CPU float64
	// MemoryGB is the memory in GB that it is measured with at most, 0.1 to 15; 0 leaves it
	// to the service.
	MemoryGB    float64
	Description string
	// Progress is told how far the uploads are; see [RegisterOptions].Progress.
	Progress func(UploadProgress)
	// OnWarning gets what is worth saying: a script without init(), an environment
	// without a server.
	OnWarning func(azureml.Warning)
	// ResumeToken, of an earlier poller of this profile, goes on waiting for it: nothing is
	// checked, uploaded or sent. The other arguments but name are not looked at.
	ResumeToken string
}

// ModelProfile is what was measured of models: what they use and what they should be
// given. It is a read-only picture and mirrors azureml.core's ModelProfile. Measurements
// are nil as long as there are none.
type ModelProfile struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// State is that of the measuring: NotStarted, Running, Succeeded, Failed, Cancelled,
	// TimedOut; others that the service may have are kept.
	State       string    `json:"state"`
	CreatedTime time.Time `json:"createdTime,omitzero"`
	ModelIDs    []string  `json:"modelIds,omitempty"`
	// InputDatasetID is of the dataset that holds the requests that were sent.
	InputDatasetID string `json:"inputDatasetId,omitempty"`
	// Requirements is what the models were given.
	Requirements              *ProfileRequirements `json:"containerResourceRequirements,omitempty"`
	RequestedQueriesPerSecond *float64             `json:"requestedQueriesPerSecond,omitempty"`

	// RecommendedCPU, in cores, and RecommendedMemoryGB, in GB, are what a service of the
	// models should be given.
	RecommendedCPU      *float64 `json:"recommendedCpu,omitempty"`
	RecommendedMemoryGB *float64 `json:"recommendedMemoryInGB,omitempty"`
	// MaxUtilizedCPU, in cores, and MaxUtilizedMemoryGB, in GB, are what they used at most.
	MaxUtilizedCPU      *float64 `json:"maxUtilizedCpu,omitempty"`
	MaxUtilizedMemoryGB *float64 `json:"maxUtilizedMemoryInGB,omitempty"`
	// MeasuredQueriesPerSecond is how many requests they answered.
	MeasuredQueriesPerSecond *float64 `json:"measuredQueriesPerSecond,omitempty"`
	TotalQueries             *float64 `json:"totalQueries,omitempty"`
	SuccessQueries           *float64 `json:"successQueries,omitempty"`
	// SuccessRate is in percent.
	SuccessRate *float64 `json:"successRate,omitempty"`
	// The latencies are in milliseconds: on the average, and of so many of a hundred (of
	// 99.9 the last one) requests at most.
	AverageLatencyMs       *float64 `json:"averageLatencyInMs,omitempty"`
	LatencyPercentile50Ms  *float64 `json:"latencyPercentile50InMs,omitempty"`
	LatencyPercentile90Ms  *float64 `json:"latencyPercentile90InMs,omitempty"`
	LatencyPercentile95Ms  *float64 `json:"latencyPercentile95InMs,omitempty"`
	LatencyPercentile99Ms  *float64 `json:"latencyPercentile99InMs,omitempty"`
	LatencyPercentile999Ms *float64 `json:"latencyPercentile999InMs,omitempty"`

	// Environment is what they ran in, as far as the service tells; nil if it does not.
	Environment *Environment `json:"environment,omitempty"`
	// Error is why the measuring failed; nil if it did not.
	Error *ProfileError `json:"error,omitempty"`
	// ErrorLogsURL is the address of the log of a failure with its signature.
	ErrorLogsURL azureml.Secret `json:"errorLogsUri,omitzero"`
}

// String is the profile's name.
func (p *ModelProfile) String() string { return p.Name }

// ProfileRequirements is what models were given to be measured with.
type ProfileRequirements struct {
	// CPU is in cores, MemoryGB in GB; nil where the service decides.
	CPU      *float64 `json:"cpu,omitempty"`
	MemoryGB *float64 `json:"memoryInGB,omitempty"`
}

// ProfileError is why a profile failed.
type ProfileError struct {
	Code       string                `json:"code,omitempty"`
	StatusCode int                   `json:"statusCode,omitempty"`
	Message    string                `json:"message,omitempty"`
	Details    []azureml.ErrorDetail `json:"details,omitempty"`
}

// UnmarshalJSON reads the service's error, in whatever of its shapes.
func (e *ProfileError) UnmarshalJSON(data []byte) error {
	p := rest.ParseError(data, "application/json")
	*e = ProfileError{Code: p.Code, StatusCode: p.StatusCode, Message: redact.Text(p.Message), Details: p.Details}
	return nil
}

// UnmarshalJSON reads a profile as the service gives it. What is missing, null or of
// another type than expected is left empty.
func (p *ModelProfile) UnmarshalJSON(data []byte) error {
	type plain ModelProfile
	var w struct {
		plain
		CreatedTime rest.Time `json:"createdTime"`
	}
	if err := rest.Unmarshal(data, &w); err != nil {
		return err
	}
	*p = ModelProfile(w.plain)
	p.CreatedTime = w.CreatedTime.Time
	// Nothing can be recommended nothing: the service wrote something that is no number.
	for _, recommended := range []**float64{&p.RecommendedCPU, &p.RecommendedMemoryGB} {
		if *recommended != nil && **recommended <= 0 {
			*recommended = nil
		}
	}
	if p.Error != nil && p.Error.Code == "" && p.Error.Message == "" && len(p.Error.Details) == 0 {
		p.Error = nil
	}
	return nil
}

// The bounds of what a model can be measured with.
const minProfile, maxProfileCPU, maxProfileMemory = 0.1, 3.5, 15.0

// wireProfile asks for a profile.
type wireProfile struct {
	Name         string              `json:"name"`
	Description  *string             `json:"description"`
	DatasetID    string              `json:"inputDatasetId"`
	Requirements ProfileRequirements `json:"containerResourceRequirements"`
	Image        *ImageRequest       `json:"environmentImageRequest"`
}

// BeginProfile measures what models need: the service runs them with the code of
// inference, sends the requests that the dataset holds, and recommends CPU and memory. It
// returns at once when the service has taken the request; azureml.Wait then waits for the
// end, shows the build log, and gives the profile.
//
// The dataset is a registered tabular one with a single column of text, a request in each
// row; datasetID is its id, with or without "aml://dataset/" before it. All rules are
// checked first (ErrInvalid), then the code is uploaded. A measuring that ends badly is
// ErrOperationFailed with code, stage and the end of its log. The request is not
// repeated when its answer is lost; [GetProfile] then tells whether it was taken.
//
// It mirrors azureml.core's Model.profile.
func BeginProfile(
	ctx context.Context, ws *workspace.Workspace, name string, models []*Model, inference *InferenceConfig, datasetID string, o *ProfileOptions,
) (*runtime.Poller[*ModelProfile], error) {
	var options ProfileOptions
	if o != nil {
		options = *o
	}
	t := task{"create", profileSubject(name)}
	log := newBuildLog(ws, t)
	request := workspace.Request{
		Service: workspace.Assets, Operation: t.operation, Subject: t.subject,
		Method: http.MethodPost, Path: "profiles", Repeat: workspace.RepeatNarrow,
	}
	operation := workspace.Operation[*ModelProfile]{
		Kind: "profile", Resource: "profiles/" + name, ResumeToken: options.ResumeToken, Log: log.from,
		Done: func(ctx context.Context, _ workspace.OperationStatus) (*ModelProfile, error) {
			return getProfile(ctx, ws, t, name)
		},
		Failed: func(ctx context.Context, s workspace.OperationStatus, failure *azureml.Error) error {
			return profileFailure(ctx, ws, t, name, s, failure)
		},
	}
	if options.ResumeToken != "" {
		return workspace.Begin(ctx, ws, request, operation)
	}
	var c validate.Checker
	c.Require("name", name)
	datasetID = strings.TrimPrefix(datasetID, datasetScheme)
	c.Require("datasetID", datasetID)
	options.check(&c)
	var plan imagePlan
	if inference == nil {
		c.Add("inference", nil, "is required")
	} else {
		plan = planImage(&c, ws, models, inference)
	}
	if len(models) == 0 {
		c.Add("models", nil, "must hold at least one model")
	}
	if err := c.Err(t.operation, t.subject); err != nil {
		return nil, err
	}
	warn(options.OnWarning, t.subject, plan.code.warnings...)
	image, err := plan.upload(ctx, ws, t, options.Progress)
	if err != nil {
		return nil, err
	}
	request.Body = wireProfile{name, orNull(options.Description), datasetID, ProfileRequirements{orNull(options.CPU), orNull(options.MemoryGB)}, image}
	poller, err := workspace.Begin(ctx, ws, request, operation)
	return poller, maybeTaken(ctx, err, "model.GetProfile tells.")
}

func (o ProfileOptions) check(c *validate.Checker) {
	if o.CPU != 0 {
		validate.Between(c, "CPU", &o.CPU, minProfile, maxProfileCPU)
	}
	if o.MemoryGB != 0 {
		validate.Between(c, "MemoryGB", &o.MemoryGB, minProfile, maxProfileMemory)
	}
}

// profileFailure adds to the error of a measuring that ended badly what the profile says
// of it, and the end of its log.
func profileFailure(ctx context.Context, ws *workspace.Workspace, t task, name string, s workspace.OperationStatus, failure *azureml.Error) error {
	e := *failure
	reading, cancel := context.WithTimeout(ctx, tailTimeout)
	defer cancel()
	if p, err := getProfile(reading, ws, t, name); err == nil {
		if own := p.Error; own != nil && e.Code == "" && len(e.Details) == 0 {
			e.Code, e.StatusCode, e.Message, e.Details = own.Code, own.StatusCode, own.Message, own.Details
		}
		if !p.ErrorLogsURL.IsZero() {
			s.LogURL, e.LogURL = p.ErrorLogsURL, redact.URL(p.ErrorLogsURL.Reveal())
		}
	}
	return newBuildLog(ws, t).failure(ctx, s, &e)
}

// GetProfile reads the profile that was made last under a name, finished or not, in one
// request. It mirrors azureml.core's ModelProfile(workspace, name).
//
// Errors: ErrInvalid, ErrNotFound, and those of every call.
func GetProfile(ctx context.Context, ws *workspace.Workspace, name string) (*ModelProfile, error) {
	t := task{"get", profileSubject(name)}
	var c validate.Checker
	if c.Require("name", name); !c.OK() {
		return nil, c.Err(t.operation, t.subject)
	}
	return getProfile(ctx, ws, t, name)
}

func getProfile(ctx context.Context, ws *workspace.Workspace, t task, name string) (*ModelProfile, error) {
	var page struct {
		Value []*ModelProfile `json:"value"`
	}
	_, err := ws.Do(ctx, workspace.Request{
		Service: workspace.Assets, Operation: t.operation, Subject: t.subject, Path: "profiles",
		Query: url.Values{"name": {name}, "orderBy": {"CreatedAtDesc"}, "count": {"1"}},
	}, &page)
	if err != nil {
		return nil, err
	}
	if len(page.Value) == 0 || page.Value[0] == nil || page.Value[0].Name != name {
		return nil, &azureml.Error{
			Operation: t.operation, Subject: t.subject, Kind: azureml.ErrNotFound, Message: "there is no such profile",
			Remedy: "List the workspace's profiles (model.ListProfiles) and check the name.",
		}
	}
	return page.Value[0], nil
}

// ListProfiles gives the workspace's profiles page by page as the loop asks for them,
// the newest first; a name has several if it was used again. A failure is yielded once,
// with a nil profile, and ends the list.
func ListProfiles(ctx context.Context, ws *workspace.Workspace) iter.Seq2[*ModelProfile, error] {
	return func(yield func(*ModelProfile, error) bool) {
		request := workspace.Request{
			Service: workspace.Assets, Operation: "list", Subject: "model profiles", Path: "profiles",
			Query: url.Values{"orderBy": {"CreatedAtDesc"}},
		}
		for p, err := range workspace.List[*ModelProfile](ctx, ws, request, nextModels) {
			if p == nil && err == nil {
				continue
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

func profileSubject(name string) string { return fmt.Sprintf("model profile %q", name) }
