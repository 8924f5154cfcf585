package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/flight"
	"github.com/azureml-go/azureml/internal/rest"
)

// Service is one of the services behind a workspace.
type Service string

// The services that a [Request] can go to. All take the same token.
const (
	// ResourceManager is Azure's resource manager: workspaces, computes, roles.
	ResourceManager Service = "resourcemanager"
	// ModelManagement holds models, web services and their operations.
	ModelManagement Service = "modelmanagement"
	// Assets is the part of the model management that holds assets, packages and
	// profiles. azureml.core reaches web services and operations through it, too.
	Assets Service = "assets"
	// Artifacts holds uploaded files and gives out storage addresses.
	Artifacts Service = "artifacts"
	// Environments holds environments and builds their images.
	Environments Service = "environment"
	// History holds runs and experiments.
	History Service = "history"
	// API is the region's front for everything else (/rp/workspaces, mlflow, …).
	API Service = "api"
)

// PossibleServiceValues returns the values of [Service].
func PossibleServiceValues() []Service {
	return []Service{ResourceManager, ModelManagement, Assets, Artifacts, Environments, History, API}
}

// service says where a service is found: its key in the discovery document, its path
// in front of the workspace's scope, and the variables that override its address.
type service struct {
	key       string
	prefix    string
	overrides []string
	// known is the well-known host of a region, used when discovery is down.
	known func(region, domain string) string
}

func regionHost(region, domain string) string { return "https://" + region + "." + domain }

// services is the table of the contract (workspace §7.2 and §7.4).
var services = map[Service]service{
	ModelManagement: {"modelmanagement", "/modelmanagement/v1.0", []string{"AZUREML_DEV_URL_MODELMANAGEMENT", "AZUREML_MMS_TEST_ENDPOINT", "AZUREML_EXPERIMENTATION_HOST"}, regionHost},
	Assets:          {"modelmanagement", "/modelmanagement/v1.0", []string{"AZUREML_DEV_URL_ASSETS", "AZUREML_MMS_TEST_ENDPOINT", "AZUREML_EXPERIMENTATION_HOST"}, regionHost},
	Artifacts:       {"history", "/artifact/v2.0", []string{"AZUREML_DEV_URL_ARTIFACTS", "AZUREML_EXPERIMENTATION_HOST", "AZUREML_SERVICE_ENDPOINT"}, regionHost},
	Environments:    {"experimentation", "/environment/v1.0", []string{"AZUREML_DEV_URL_ENVIRONMENT"}, regionHost},
	History:         {"history", "/history/v1.0", []string{"AZUREML_DEV_URL_RUN_HISTORY", "AZUREML_EXPERIMENTATION_HOST", "AZUREML_SERVICE_ENDPOINT"}, regionHost},
	API:             {"api", "/rp/workspaces", []string{"AZUREML_DEV_URL_API"}, regionHost},
}

// discovery finds the addresses of a workspace's services: asked once, shared by
// concurrent callers, remembered in memory.
type discovery struct {
	scope string // of the workspace; "" if that was not opened

	flight flight.Group[map[string]string]

	mu       sync.Mutex
	found    map[string]string
	fallback time.Time // until when the well-known hosts serve because discovery was down
}

// discoveryTimeout bounds one request for the discovery document.
const discoveryTimeout = 20 * time.Second

// fallbackFor is how long a failed discovery is not asked again.
const fallbackFor = time.Minute

// base gives the address of a service without path.
func (w *Workspace) base(ctx context.Context, s Service) (string, error) {
	if s == ResourceManager {
		return w.connection.cloud.ResourceManager, nil
	}
	info, ok := services[s]
	if !ok {
		return "", &azureml.Error{Operation: "find the service", Subject: fmt.Sprintf("%q", string(s)), Kind: azureml.ErrInvalid, Message: "there is no such service"}
	}
	for _, name := range info.overrides {
		if value := strings.TrimSpace(os.Getenv(name)); value != "" {
			if err := w.client.Hosts().Allow(value); err != nil {
				return "", &azureml.Error{Operation: "use the environment variable", Subject: name, Kind: azureml.ErrInvalid, Message: err.Error()}
			}
			return strings.TrimRight(value, "/"), nil
		}
	}
	found, err := w.discover(ctx)
	if err != nil {
		return w.wellKnown(ctx, info, err)
	}
	address := found[info.key]
	if address == "" {
		return w.wellKnown(ctx, info, fmt.Errorf("the discovery document does not name %q", info.key))
	}
	if err := w.client.Hosts().Allow(address); err != nil {
		return "", &azureml.Error{Operation: "discover the services of", Subject: w.subject(), Kind: azureml.ErrInvalid, Message: err.Error()}
	}
	return strings.TrimRight(address, "/"), nil
}

// discover reads the discovery document, unless it is known.
func (w *Workspace) discover(ctx context.Context) (map[string]string, error) {
	d := w.discovery
	d.mu.Lock()
	found, resting := d.found, time.Now().Before(d.fallback)
	d.mu.Unlock()
	if found != nil {
		return found, nil
	}
	if resting {
		return nil, fmt.Errorf("service discovery failed a moment ago")
	}
	return d.flight.Do(ctx, func(ctx context.Context) (map[string]string, error) {
		ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
		defer cancel()
		found, err := w.readDiscovery(ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		if err != nil {
			d.fallback = time.Now().Add(fallbackFor)
			return nil, err
		}
		d.found = found
		return found, nil
	})
}

func (w *Workspace) readDiscovery(ctx context.Context) (map[string]string, error) {
	address := cmp.Or(w.DiscoveryURL, strings.TrimSpace(os.Getenv("AZUREML_DISCOVERY_SERVICE_ENDPOINT")))
	if address == "" {
		// A handle of At, or an answer that left it out.
		var found wireWorkspace
		if _, err := w.Do(ctx, w.self(http.MethodGet, "find the services of"), &found); err != nil {
			return nil, err
		}
		if address = found.Properties.DiscoveryURL; address == "" {
			return nil, fmt.Errorf("the workspace has no discovery address")
		}
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" {
		return nil, fmt.Errorf("the workspace's discovery address is not https")
	}
	var raw []byte
	request := rest.Request{
		Operation: "discover the services of", Subject: w.subject(),
		Method: http.MethodGet, URL: address, Class: rest.Anonymous,
	}
	if _, err := w.client.Do(ctx, request, &raw); err != nil {
		return nil, err
	}
	return parseDiscovery(raw)
}

// parseDiscovery reads the discovery document: addresses by the names of services. What
// is no text is left out.
func parseDiscovery(data []byte) (map[string]string, error) {
	var raw map[string]any
	if err := rest.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("the discovery document is not a JSON object: %w", err)
	}
	found := make(map[string]string, len(raw))
	for key, value := range raw {
		if text, ok := value.(string); ok && strings.TrimSpace(text) != "" {
			found[key] = strings.TrimSpace(text)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the discovery document names no service")
	}
	return found, nil
}

// wellKnown is the region's own host, for when discovery is down. A workspace behind
// a private link has no such host.
func (w *Workspace) wellKnown(ctx context.Context, info service, cause error) (string, error) {
	domain := w.connection.cloud.DiscoveryDomain()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if w.Location == "" || domain == "" || w.private() {
		return "", w.undiscovered(cause)
	}
	address := info.known(w.Location, domain)
	if err := w.client.Hosts().Allow(address); err != nil {
		return "", err
	}
	w.connection.warn(azureml.Warning{Subject: w.subject(), Message: "service discovery failed; using the region's well-known host " + address, Err: cause})
	return address, nil
}

// undiscovered is the failure of service discovery, which is often met in the middle of
// something else: it names the host, which firewalls know nothing of.
func (w *Workspace) undiscovered(cause error) error {
	host := "the workspace's discovery address"
	if u, err := url.Parse(w.DiscoveryURL); err == nil && u.Host != "" {
		host = u.Host
	}
	e := &azureml.Error{
		Operation: "discover the services of", Subject: w.subject(), Kind: azureml.ErrUnavailable,
		Message: fmt.Sprintf("service discovery at %s failed: %s", host, strings.TrimPrefix(cause.Error(), "azureml: ")), Err: cause,
		Remedy: fmt.Sprintf("Check that %s can be reached from here; firewalls and private networks often allow only the resource manager.", host),
	}
	if inner, ok := errors.AsType[*azureml.Error](cause); ok {
		if reason := w.blockedBy(API, inner); reason != "" {
			e.Remedy += "\n" + reason
		}
	}
	return e
}

// private tells of a workspace whose services have hosts of their own.
func (w *Workspace) private() bool {
	return w.PrivateLinkCount > 0 || strings.Contains(w.DiscoveryURL, ".workspace.") && w.PublicNetworkAccess == "Disabled"
}
