package webservice

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// State is how a web service is doing.
type State string

// The states of a web service; others that a service may report are kept.
const (
	// StateTransitioning: it is being deployed or changed.
	StateTransitioning State = "Transitioning"
	// StateHealthy: it can be reached.
	StateHealthy State = "Healthy"
	// StateUnhealthy: it is deployed, but cannot be reached now; this can change by itself.
	StateUnhealthy State = "Unhealthy"
	// StateUnschedulable: the cluster has no room for it; this can change by itself.
	StateUnschedulable State = "Unschedulable"
	// StateFailed: its deployment failed; see [Service].Error.
	StateFailed State = "Failed"
)

// PossibleStateValues returns the values of [State].
func PossibleStateValues() []State {
	return []State{StateTransitioning, StateHealthy, StateUnhealthy, StateUnschedulable, StateFailed}
}

// ComputeType is the kind of a web service: what it runs on.
type ComputeType string

// The kinds of web services. Services of other kinds are [UnknownWebservice].
const (
	ComputeTypeAKS         ComputeType = "AKS"
	ComputeTypeACI         ComputeType = "ACI"
	ComputeTypeAKSEndpoint ComputeType = "AKSENDPOINT"
	// ComputeTypeIOT and ComputeTypeMIR are kinds of old; they can only be looked at.
	ComputeTypeIOT ComputeType = "IOT"
	ComputeTypeMIR ComputeType = "MIR"
)

// PossibleComputeTypeValues returns the values of [ComputeType].
func PossibleComputeTypeValues() []ComputeType {
	return []ComputeType{ComputeTypeAKS, ComputeTypeACI, ComputeTypeAKSEndpoint, ComputeTypeIOT, ComputeTypeMIR}
}

// Webservice is a web service of any kind: *[AksWebservice], *[AciWebservice],
// *[AksEndpoint] or *[UnknownWebservice]. Tell them apart with a type switch. No
// other type implements it.
type Webservice interface {
	// Common gives the parts that all kinds have: name, state, tags and so on.
	Common() *Service
	Logs(ctx context.Context, o *LogsOptions) (string, error)
	FollowLogs(ctx context.Context, w io.Writer, o *FollowLogsOptions) error
	Keys(ctx context.Context) (*Keys, error)
	RegenerateKey(ctx context.Context, key KeyType, o *RegenerateKeyOptions) (*Keys, error)
	SetKeys(ctx context.Context, primary, secondary azureml.Secret) (*Keys, error)
	RotateKeys(ctx context.Context, o *RotateKeysOptions) (*Keys, error)
	Token(ctx context.Context) (*AccessToken, error)
	Scorer(ctx context.Context, o *ScorerOptions) (*Scorer, error)
	Run(ctx context.Context, body []byte) ([]byte, error)
	Swagger(ctx context.Context) (*Swagger, error)
	BeginDelete(ctx context.Context, o *DeleteOptions) (*runtime.Poller[DeleteResult], error)

	sealed()
}

// Service is what web services of all kinds have in common, and what can be done
// with all of them. It is part of [AksWebservice] and the other types, and like them
// a picture at the time when it was read: read-only and safe for concurrent use.
//
// It mirrors azureml.core.Webservice.
type Service struct {
	// Name is the service's id in the workspace.
	Name        string      `json:"name"`
	ComputeType ComputeType `json:"computeType"`
	// State is how it did when this picture was taken.
	State       State  `json:"state,omitempty"`
	Description string `json:"description,omitempty"`
	// Tags can be changed, properties only added to.
	Tags       map[string]string `json:"kvTags,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
	// CreatedTime and UpdatedTime are in UTC; zero where the service gave none.
	CreatedTime time.Time `json:"createdTime,omitzero"`
	UpdatedTime time.Time `json:"updatedTime,omitzero"`
	// CreatedBy is who deployed it; nil if the service does not tell.
	CreatedBy *model.User `json:"createdBy,omitempty"`
	// Error is why the deployment failed; nil if it did not.
	Error *ServiceError `json:"error,omitempty"`
	// OperationID names the operation that made or changed it last; see [BeginWait].
	OperationID string `json:"operationId,omitempty"`
	// DeploymentType is "HttpRealtimeEndpoint" for everything that can be made today.
	DeploymentType string `json:"deploymentType,omitempty"`
	// ImageID is the image of a service made from one, ImageDigest the container's.
	ImageID     string `json:"imageId,omitempty"`
	ImageDigest string `json:"imageDigest,omitempty"`
	// ScoringURI is where requests go; empty while there is nothing to reach.
	ScoringURI string `json:"scoringUri,omitempty"`
	// SwaggerURI is where the description of the service's input is, if its script
	// declares one; see [Service.Swagger].
	SwaggerURI string `json:"swaggerUri,omitempty"`
	// AuthEnabled tells that keys are asked for, TokenAuthEnabled that tokens are. The
	// service's defaults are keys on AKS and nothing on ACI.
	AuthEnabled      *bool `json:"authEnabled,omitempty"`
	TokenAuthEnabled *bool `json:"aadAuthEnabled,omitempty"`
	// AppInsightsEnabled tells that requests are logged to Application Insights.
	AppInsightsEnabled *bool `json:"appInsightsEnabled,omitempty"`

	ws     *workspace.Workspace
	raw    json.RawMessage
	runner *runner
	// endpoint is the one that s is a version of; empty for a service of its own.
	endpoint string
}

// ServiceError is why a deployment failed, as the service keeps it.
type ServiceError struct {
	Code       string                `json:"code,omitempty"`
	StatusCode int                   `json:"statusCode,omitempty"`
	Message    string                `json:"message,omitempty"`
	Details    []azureml.ErrorDetail `json:"details,omitempty"`
}

// Common gives the service itself; it is how code that holds a [Webservice] gets at
// its fields.
func (s *Service) Common() *Service { return s }

func (*Service) sealed() {}

// RawJSON gives a copy of the service's description as it was received, with the
// parts that the fields leave out, but without the order of its outermost members, and
// without a private key.
func (s *Service) RawJSON() json.RawMessage { return bytes.Clone(s.raw) }

// String names the service, its kind and its state.
func (s *Service) String() string {
	return fmt.Sprintf("%s (%s, %s)", s.subject(), s.ComputeType, s.State)
}

// Format prints [Service.String] whatever the verb, so that no verb walks into the
// connection.
func (s *Service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue gives log/slog name, kind and state.
func (s *Service) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", s.Name), slog.String("computeType", string(s.ComputeType)), slog.String("state", string(s.State)))
}

func (s *Service) subject() string { return subject(s.Name) }

func subject(name string) string { return "web service " + strconv.Quote(name) }

// request is a call to the service, below its own path.
func (s *Service) request(operation, method string, below ...string) workspace.Request {
	r := workspace.Request{
		Service: workspace.ModelManagement, Operation: operation, Subject: s.subject(),
		Method: method, Path: servicePath(s.address()),
	}
	for _, segment := range below {
		r.Path += "/" + workspace.Segment(segment)
	}
	return r
}

// servicePath is a service's path behind that of the workspace; resume tokens name
// services by it, too.
func servicePath(name string) string { return "services/" + workspace.Segment(name) }
